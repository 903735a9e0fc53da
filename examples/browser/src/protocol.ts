import type { BackendChoice, Face, RawImage, Thresholds } from "retinaface-webgpu";
import type { Cutoffs } from "./faces.js";

/** Anything that can be looked at: a file, or a frame of a video. */
export type Picture = Blob | ImageBitmap | VideoFrame;

/** What the page asks of the worker; each request has one answer. */
export type Request =
  | { readonly kind: "load"; readonly weights: Blob; readonly backend: BackendChoice }
  | {
      readonly kind: "detect";
      readonly picture: Picture;
      readonly maxSide: number | undefined;
      /** Which faces get their mesh; absent: none. */
      readonly mesh?: Cutoffs | undefined;
    }
  | {
      readonly kind: "crop";
      readonly picture: Blob;
      readonly faces: readonly Face[];
      readonly size: number;
    }
  | { readonly kind: "recogniser"; readonly weights: Blob; readonly backend: BackendChoice }
  | { readonly kind: "embed"; readonly crops: readonly RawImage[] };

/** The answers, by kind of request. */
export interface Answers {
  /** What it runs on, in words, what goes with the weights, and whether they say meshes. */
  load: { readonly runsOn: string; readonly thresholds: Thresholds; readonly meshes: boolean };
  detect: Detection;
  crop: { readonly crops: readonly RawImage[] };
  /** What tells the embedding network from others, and how many numbers it makes of a face. */
  recogniser: { readonly fingerprint: string; readonly dimension: number };
  /** One of length 1 for each crop. */
  embed: { readonly vectors: readonly Float32Array[] };
}

/** One pass of the network over one picture. */
export interface Detection {
  readonly width: number;
  readonly height: number;
  /** Every face the network proposes, before suppression and the visualisation threshold. */
  readonly candidates: readonly Face[];
  readonly timings: readonly Timing[];
}

export interface Timing {
  readonly stage: string;
  readonly milliseconds: number;
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
  | { readonly lost: string };
