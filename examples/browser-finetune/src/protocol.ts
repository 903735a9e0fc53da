import type { StepLosses } from "@retinaface-webgpu/train";

/** x1, y1, x2, y2 in pixels of the upright photo. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

export interface LabelledPhoto {
  readonly name: string;
  readonly blob: Blob;
  readonly boxes: readonly Box[];
}

export interface TuneOptions {
  /** Optimizer steps. */
  readonly steps: number;
  /** Photos a step. */
  readonly batchSize: number;
  /** Side of the square samples in pixels. */
  readonly imageSize: number;
  readonly learningRate: number;
}

/** What the page asks of the worker; each request has one answer. */
export type Request =
  | { readonly kind: "load"; readonly weights: Blob }
  | { readonly kind: "detect"; readonly photo: Blob }
  | {
      readonly kind: "tune";
      readonly photos: readonly LabelledPhoto[];
      readonly options: TuneOptions;
    }
  | { readonly kind: "stop" }
  | { readonly kind: "save" };

/** The answers, by kind of request. */
export interface Answers {
  load: { readonly adapter: string };
  detect: { readonly boxes: readonly Box[] };
  /** Steps done: fewer than asked for after a stop. */
  tune: { readonly steps: number };
  stop: undefined;
  save: { readonly weights: Blob };
}

/** An error as it crosses from the worker. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** What the worker sends. */
export type WorkerMessage =
  | { readonly id: number; readonly answer: Answers[Request["kind"]] }
  | { readonly id: number; readonly failure: Failure }
  | { readonly losses: StepLosses; readonly imagesPerSecond: number };
