import { existsSync } from "node:fs";
import type { NetworkConfig } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";
import { contactSheet } from "../augment/contact-sheet.js";
import { readText } from "../data/read-text.node.js";
import { DataError, type NonFiniteLossError } from "../errors.js";
import type { Evaluation } from "../evaluate/evaluate.js";
import type { ValidationFigures } from "../report/report.js";
import type { Scalar } from "../report/tensorboard.js";
import type { PartGradients } from "../trainer/auto-freeze.js";
import type { DataPosition } from "../trainer/batches.js";
import type { Checkpoint } from "../trainer/checkpoint.js";
import type { TrainSettings } from "../trainer/settings.js";
import type { BackendUse } from "./backends.js";
import { LoggedRunFolder } from "./logged-folder.node.js";
import { type ValidationMetric, validationScalars } from "./metrics.js";

/** What a run is, as given on the command line. */
export interface RunDescription {
  readonly settings: TrainSettings;
  readonly data: string;
  readonly val: string | null;
  /** Size of validation images, as `parseTestScale` reads it. */
  readonly scale: string;
  readonly weights: string | null;
  /** What `--freeze auto` measured before the first step; absent where the user said what is frozen. */
  readonly autoFreeze?: PartGradients;
  /** Epochs between validations and steps between checkpoints. */
  readonly valEvery: number;
  readonly checkpointEvery: number;
  /** Validations without a better one after which the run ends; absent: it goes to its end. */
  readonly patience?: number;
  /** What was changed when the run was gone on with, oldest first. */
  readonly changes?: readonly RunChange[];
}

/** A setting that `--resume` gave another value. */
export interface RunChange {
  /** Steps done before. */
  readonly step: number;
  readonly name: string;
  readonly was: number;
  readonly is: number;
}

/** What a checkpoint holds besides the trainer's state. */
export interface RunProgress {
  readonly description: RunDescription;
  readonly network: NetworkConfig;
  readonly position: DataPosition;
  readonly validations: readonly ValidationFigures[];
  /** Seconds spent so far. */
  readonly seconds: number;
  /** What it trained on; absent in checkpoints from before there was a choice. */
  readonly backends?: readonly BackendUse[];
}

export type RunCheckpoint = Checkpoint<RunProgress>;

/** What a training run writes into its folder beside what every run does. */
export const TRAIN_FILES = [
  "best.safetensors",
  "final.safetensors",
  "evaluation-before.json",
  "evaluation-best.json",
  "report.html",
  "config.yaml",
  "metrics.csv",
  "not-finite.png",
  "not-finite.json",
] as const;

/** The files of a run's folder. */
export class RunFiles extends LoggedRunFolder<RunProgress, ValidationMetric> {
  protected override validationScalars(metric: ValidationMetric): Scalar[] {
    return validationScalars(metric);
  }

  writeEvaluation(name: string, evaluation: Evaluation): Promise<void> {
    return this.write(`evaluation-${name}.json`, `${JSON.stringify(evaluation)}\n`);
  }

  readEvaluation(name: string): Evaluation | undefined {
    const file = this.path(`evaluation-${name}.json`);
    if (!existsSync(file)) return undefined;
    try {
      return JSON.parse(readText(file)) as Evaluation;
    } catch (cause) {
      throw new DataError(`${file} is damaged: delete it, and the report does without`, { cause });
    }
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
