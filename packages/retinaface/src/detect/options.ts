import type { Known } from "@retinaface-webgpu/tensor/inference";
import type { WantedSides } from "../image/fit.js";
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

/** How an image is looked at several times: test-time augmentation. What is absent is as in `TEST_TIME`. */
export interface TestTimeOptions {
  /** Sizes at which the network sees it; by default short sides of 500, 800, 1100, 1400 and 1700 pixels. */
  readonly scales?: readonly WantedSides[] | undefined;
  /** Whether it looks at the mirrored image too, at every size. Default true. */
  readonly mirror?: boolean | undefined;
  /** IoU from which what passes found is one face. Default 0.4. */
  readonly voteThreshold?: number | undefined;
}

/** Options of one `detect` or `detectBatch` call. */
export interface DetectCallOptions extends DetectOptions {
  signal?: Known<"AbortSignal"> | undefined;
  /**
   * Looks at the image at several sizes, mirrored too, and merges what was found by box voting: more faces, for ten times
   * the work and more. In place of `maxSide` and `minSide`.
   */
  testTime?: boolean | TestTimeOptions | undefined;
  /**
   * Whether faces get their meshes, which only weights with the branch for them say (`NO_MESH` of others). Default false, and
   * then it costs nothing.
   */
  mesh?: boolean | undefined;
  /** Called once before the call's result is there, with where its time went. */
  onTimings?: ((timings: Timings) => void) | undefined;
  /** Time the GPU's stages too, which slows the call down a little. */
  profile?: boolean | undefined;
}
