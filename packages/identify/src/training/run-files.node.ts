import type { Scalar } from "@retinaface-webgpu/train";
import {
  type BackendUse,
  LoggedRunFolder,
  namedScalars,
  type StepMetric,
} from "@retinaface-webgpu/train/node";
import type { EmbedderSettings } from "./settings.js";
import type { RankFigures } from "./validate.js";

/** What a run is, as given on the command line. */
export interface EmbedderRunDescription {
  readonly settings: EmbedderSettings;
  readonly data: string;
  readonly holdOut: string;
  readonly group: string | null;
  readonly query: string;
  readonly splitSeed: number;
  /** Weights of a detector that the network begins with, as given; absent: random ones. */
  readonly start?: string;
  /** Steps between validations and between checkpoints. */
  readonly valEvery: number;
  readonly checkpointEvery: number;
}

/** How well a network tells apart who was trained on (`seen`) and who was not (`unseen`, where some are kept back). */
export interface EmbedderValidation {
  readonly step: number;
  readonly seen: RankFigures;
  readonly unseen?: RankFigures | undefined;
}

/** What a checkpoint holds besides the trainer's state. */
export interface EmbedderProgress {
  readonly description: EmbedderRunDescription;
  readonly validations: readonly EmbedderValidation[];
  readonly seconds: number;
  readonly backends: readonly BackendUse[];
}

/** A validation as a line of `metrics.jsonl`. */
type ValidationLine = { readonly kind: "validation" } & EmbedderValidation;

/** A line of `metrics.jsonl`. */
export type EmbedderMetric = StepMetric | ValidationLine;

/** What a run writes beside checkpoint and metrics. */
export const EMBEDDER_RUN_FILES = ["best.safetensors", "final.safetensors", "metrics.csv"] as const;

/** The files of a run's folder. */
export class EmbedderRunFiles extends LoggedRunFolder<EmbedderProgress, ValidationLine> {
  protected override validationScalars({ step, seen, unseen }: ValidationLine): Scalar[] {
    const of = (name: string, figures?: RankFigures) =>
      figures ? namedScalars(name, step, { rank1: figures.rank1, rank5: figures.rank5 }) : [];
    return [...of("seen", seen), ...of("unseen", unseen)];
  }
}
