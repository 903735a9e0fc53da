import type { Thresholds } from "../types.js";
import type { Timings } from "./timings.js";

/** How images are treated; given to `load` as defaults and to each call. */
export interface DetectOptions extends Partial<Thresholds> {
  /** Scale the long side down to this many pixels; never up. Default: the original size. */
  maxSide?: number;
}

/** Options of one `detect` or `detectBatch` call. */
export interface DetectCallOptions extends DetectOptions {
  signal?: AbortSignal;
  /** Called once before the call's result is there, with where its time went. */
  onTimings?: (timings: Timings) => void;
  /** Time the GPU's stages too, which slows the call down a little. */
  profile?: boolean;
}
