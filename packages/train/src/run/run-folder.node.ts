import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { readBytes } from "retinaface-webgpu";
import { WriteError, writeFileAtomic } from "retinaface-webgpu/node";
import { isNumbers, isObject } from "../data/json.js";
import { readText } from "../data/read-text.node.js";
import { DataError } from "../errors.js";
import {
  type Checkpoint,
  readTrainingCheckpoint,
  writeTrainingCheckpoint,
} from "../trainer/checkpoint.js";

const CHECKPOINT = "checkpoint.safetensors";
const METRICS = "metrics.jsonl";

/** A training run's folder: its last checkpoint, with whatever JSON the run adds, and a line of metrics a step. */
export class RunFolder<Extra, Metric extends { readonly step: number }> {
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
    return existsSync(this.path(CHECKPOINT));
  }

  async readCheckpoint(): Promise<Checkpoint<Extra>> {
    return readTrainingCheckpoint(await readBytes(this.path(CHECKPOINT)));
  }

  async writeCheckpoint(checkpoint: Checkpoint<Extra>): Promise<void> {
    await this.write(CHECKPOINT, writeTrainingCheckpoint(checkpoint));
  }

  /** Writes a file whole or not at all. */
  write(name: string, content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return writeFileAtomic(this.path(name), bytes);
  }

  appendMetrics(metrics: readonly Metric[]): void {
    const file = this.path(METRICS);
    try {
      appendFileSync(file, toLines(metrics));
    } catch (cause) {
      throw new WriteError(file, cause);
    }
  }

  /** All metrics so far; a last line cut off by a kill is left out. */
  readMetrics(): Metric[] {
    const file = this.path(METRICS);
    if (!existsSync(file)) return [];
    const lines = readText(file).split("\n");
    return lines.slice(0, -1).map((line, i) => {
      const metric = parseMetric<Metric>(line);
      if (metric) return metric;
      throw new DataError(`${file}:${i + 1} is no metric of a run: mend or delete the line`);
    });
  }

  /** Forgets metrics of steps that a resumed run makes again. */
  async rewindMetrics(steps: number): Promise<void> {
    const kept = this.readMetrics().filter((metric) => this.isBefore(metric, steps));
    await this.write(METRICS, toLines(kept));
  }

  /** Whether a run that goes on after so many steps does not make a metric again. */
  protected isBefore({ step }: Metric, steps: number): boolean {
    return step < steps;
  }
}

/** A line of metrics, or undefined for anything else: at the least it is an object with its step. */
function parseMetric<Metric extends { readonly step: number }>(line: string): Metric | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && isNumbers([value.step]) ? (value as unknown as Metric) : undefined;
  } catch {
    return undefined;
  }
}

function toLines(metrics: readonly object[]): string {
  return metrics.map((metric) => `${JSON.stringify(metric)}\n`).join("");
}
