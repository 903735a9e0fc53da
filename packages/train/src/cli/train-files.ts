import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { NetworkConfig } from "retinaface-webgpu";
import { encodePng, WriteError, writeFileAtomic } from "retinaface-webgpu/node";
import { contactSheet } from "../augment/contact-sheet.js";
import { DataError, type NonFiniteLossError } from "../errors.js";
import type { Evaluation } from "../evaluate/evaluate.js";
import type { ValidationFigures } from "../report/report.js";
import type { DataPosition } from "../trainer/batches.js";
import {
  type Checkpoint,
  readTrainingCheckpoint,
  writeTrainingCheckpoint,
} from "../trainer/checkpoint.js";
import type { StepLosses } from "../trainer/loss-log.js";
import type { TrainSettings } from "../trainer/settings.js";

/** What a run is, as given on the command line. */
export interface RunDescription {
  readonly settings: TrainSettings;
  readonly data: string;
  readonly val: string | null;
  /** Size of validation images, as `parseTestScale` reads it. */
  readonly scale: string;
  readonly weights: string | null;
  /** Epochs between validations and steps between checkpoints. */
  readonly valEvery: number;
  readonly checkpointEvery: number;
}

/** What a checkpoint holds besides the trainer's state. */
export interface RunProgress {
  readonly description: RunDescription;
  readonly network: NetworkConfig;
  readonly position: DataPosition;
  readonly validations: readonly ValidationFigures[];
  /** Seconds spent so far. */
  readonly seconds: number;
}

export type RunCheckpoint = Checkpoint<RunProgress>;

/** A line of `metrics.jsonl`. */
export type Metric = ({ kind: "step" } & StepLosses) | ({ kind: "validation" } & ValidationFigures);

/** The files of a run's folder. */
export class RunFiles {
  readonly folder: string;

  /** @throws WriteError where the folder cannot be made */
  constructor(folder: string) {
    this.folder = folder;
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw new WriteError(folder, cause);
    }
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  get hasCheckpoint(): boolean {
    return existsSync(this.path("checkpoint.safetensors"));
  }

  async readCheckpoint(): Promise<RunCheckpoint> {
    return readTrainingCheckpoint(await readFile(this.path("checkpoint.safetensors")));
  }

  async writeCheckpoint(checkpoint: RunCheckpoint): Promise<void> {
    await this.write("checkpoint.safetensors", writeTrainingCheckpoint(checkpoint));
  }

  /** Writes a file whole or not at all. */
  write(name: string, content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return writeFileAtomic(this.path(name), bytes);
  }

  appendMetrics(metrics: readonly Metric[]): void {
    const file = this.path("metrics.jsonl");
    try {
      appendFileSync(file, metrics.map((metric) => `${JSON.stringify(metric)}\n`).join(""));
    } catch (cause) {
      throw new WriteError(file, cause);
    }
  }

  /** All metrics so far; a last line cut off by a kill is left out. */
  readMetrics(): Metric[] {
    const file = this.path("metrics.jsonl");
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.slice(0, -1).map((line, i) => {
      try {
        return JSON.parse(line) as Metric;
      } catch (cause) {
        throw new DataError(`${file}:${i + 1} is not JSON: mend or delete it`, { cause });
      }
    });
  }

  /** Forgets metrics of steps that a resumed run makes again. */
  async rewindMetrics(steps: number): Promise<void> {
    const kept = this.readMetrics().filter((metric) =>
      metric.kind === "step" ? metric.step < steps : metric.step <= steps,
    );
    await this.write("metrics.jsonl", kept.map((metric) => `${JSON.stringify(metric)}\n`).join(""));
  }

  writeEvaluation(name: string, evaluation: Evaluation): Promise<void> {
    return this.write(`evaluation-${name}.json`, `${JSON.stringify(evaluation)}\n`);
  }

  readEvaluation(name: string): Evaluation | undefined {
    const file = this.path(`evaluation-${name}.json`);
    return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Evaluation) : undefined;
  }

  /** Saves the batch of a loss that is not finite: a picture of its samples and their faces as JSON. */
  async writeFailure({ losses, samples }: NonFiniteLossError): Promise<void> {
    const sheet = contactSheet(samples, { tile: 256, columns: 4 });
    await this.write("not-finite.png", encodePng(sheet));
    const described = samples.map(({ id, boxes, landmarks, ignored }) => ({
      id,
      boxes: [...boxes],
      landmarks: [...landmarks],
      ignored: [...ignored],
    }));
    const text = JSON.stringify({ losses, samples: described }, showNumbers, 2);
    await this.write("not-finite.json", `${text}\n`);
  }
}

/** JSON has no NaN: losses that are not finite are written as text. */
function showNumbers(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
