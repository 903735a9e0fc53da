import type { Known } from "@retinaface-webgpu/tensor/inference";
import type { DecodeOptions } from "../image/raw.js";
import type { Thresholds } from "../types.js";
import type { Timings } from "./timings.js";

/** `Partial`, and `undefined` is the same as absent. */
export type Optional<T> = { [Name in keyof T]?: T[Name] | undefined };

/** How images are treated; given to `load` as defaults and to each call. */
export interface DetectOptions extends Optional<Thresholds> {
  /** Scale the long side down to this many pixels; never up. Default: the original size. */
  maxSide?: number | undefined;
  /**
   * Scale the short side to this many pixels, up too, as far as the long side stays within `maxSide`: small photos are
   * enlarged. `minSide` and `maxSide` of 640 are a long side of 640. Default: nothing is enlarged.
   */
  minSide?: number | undefined;
  /**
   * Cut boxes to the image. Default `false`: a box may reach outside, as the face does that is cut off there.
   * Landmarks stay where they are.
   */
  clip?: boolean | undefined;
  /**
   * How an encoded image becomes as small as `maxSide` says, see {@link DecodeOptions}: decoded smaller and filtered
   * (`"scaled"`, the default), or whole and then interpolated (`"full"`).
   */
  decode?: DecodeOptions["decode"];
  /** Who decodes in Node, see {@link DecodeOptions}. Default `"auto"`. */
  decoder?: DecodeOptions["decoder"];
  /** What becomes of a photo whose data end early, see {@link DecodeOptions}. Default `"error"`. */
  truncated?: DecodeOptions["truncated"];
}

/** Options of one `detect` or `detectBatch` call. */
export interface DetectCallOptions extends DetectOptions {
  signal?: Known<"AbortSignal"> | undefined;
  /** Called once before the call's result is there, with where its time went. */
  onTimings?: ((timings: Timings) => void) | undefined;
  /** Time the GPU's stages too, which slows the call down a little. */
  profile?: boolean | undefined;
}
