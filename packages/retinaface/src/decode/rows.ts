import { regressionHeads } from "../model/heads.js";
import type { HeadSpec } from "../types.js";
import { DECODERS, type Variances } from "./codec.js";
import type { DecodedRows } from "./face.js";

/**
 * How the network's input lies over the original image. The input is the image scaled by
 * `scaleX`, `scaleY`, then padded on the right and at the bottom to `width` × `height`.
 */
export interface Frame {
  /** Width in pixels that the fraction 1 stands for: the input's, padding included. */
  width: number;
  height: number;
  /** Input pixels for one pixel of the original image. */
  scaleX: number;
  scaleY: number;
}

/** What rows of offsets are relative to. */
export interface RowPlaces {
  /** `[N, 4]`. */
  readonly priors: Float32Array;
  readonly variances: Variances;
  readonly frame: Frame;
}

/** Decodes rows of offsets, by the heads' names, with the priors they belong to. */
export function decodeRows(
  heads: readonly HeadSpec[],
  outputs: Readonly<Record<string, Float32Array>>,
  { priors, variances, frame }: RowPlaces,
): DecodedRows {
  const decoded: Record<string, Float64Array> = {};
  for (const { name, meaning, width } of regressionHeads(heads)) {
    const decoder = DECODERS[meaning as keyof typeof DECODERS];
    decoded[name] = decoder.decode(outputs[name], priors, variances, width);
    if (decoder.places) toPixels(decoded[name], frame);
  }
  return decoded;
}

function toPixels(coordinates: Float64Array, frame: Frame): void {
  const x = frame.width / frame.scaleX;
  const y = frame.height / frame.scaleY;
  for (let i = 0; i < coordinates.length; i += 2) {
    coordinates[i] = coordinates[i] * x;
    coordinates[i + 1] = coordinates[i + 1] * y;
  }
}
