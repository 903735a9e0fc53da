import type { Device } from "@retinaface-webgpu/tensor/inference";
import type { PixelSource } from "../image/source.js";
import type { Face, Thresholds } from "../types.js";
import type { Timings } from "./timings.js";

/** What networks run on: a GPU, or the processors. */
export type Backend = "webgpu" | "wasm";

/**
 * What `load({ backend })` takes. `auto` is WebGPU where there is a graphics card, and WebAssembly where there is none, or
 * only an adapter that computes on the processors (llvmpipe, SwiftShader, WARP).
 */
export type BackendChoice = "auto" | Backend;

export const BACKENDS: readonly BackendChoice[] = ["auto", "webgpu", "wasm"];

/** From pixels to faces for one input size. */
export interface DetectionEngine {
  /** Makes ready what these images need beyond the others: call it before `run`. */
  prepare(images: readonly PixelSource[]): Promise<void>;
  /**
   * Starts a run. What concerns live frames is done when this returns.
   *
   * @returns the faces of each image scoring at least `visThreshold`, best first, in its own pixels.
   */
  run(images: readonly PixelSource[], thresholds: Thresholds, timings: Timings): Promise<Face[][]>;
  /** As `run`, with the parts of the work timed where that can be. */
  profile(
    images: readonly PixelSource[],
    thresholds: Thresholds,
    timings: Timings,
  ): Promise<Face[][]>;
  dispose(): void;
}

/** Everything a detector has on one backend: the network's weights and the engines for recent sizes. */
export interface DetectorRuntime {
  readonly backend: Backend;
  /** Threads that compute: 0 on a GPU. */
  readonly threads: number;
  /** Holds the parameters. */
  readonly device: Device;
  /** Nothing runs any more: make another. */
  readonly isLost: boolean;
  /**
   * The engine for a size, made on first use; the least recently used one makes room.
   * @param mesh whether it gives faces their meshes too
   */
  engine(batch: number, height: number, width: number, mesh: boolean): Promise<DetectionEngine>;
  /** Frees engines and packed weights; both are made again when they are needed. */
  reset(): void;
  dispose(): void;
}
