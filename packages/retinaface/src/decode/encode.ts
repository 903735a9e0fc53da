import { BOX_NUMBERS, POINT_NUMBERS } from "../model/heads.js";
import {
  checkRows,
  DECODERS,
  type Decoder,
  LANDMARK_COORDINATES,
  type Variances,
} from "./codec.js";

/**
 * Regression targets of boxes.
 *
 * @param boxes `[N, 4]` corners matched to each prior.
 * @param priors `[N, 4]`.
 * @returns `[N, 4]` of `dx, dy, dw, dh`.
 */
export function encodeBoxes(
  boxes: ArrayLike<number>,
  priors: ArrayLike<number>,
  variances: Variances,
): Float32Array {
  checkRows("boxes", boxes.length, 4, priors);
  const loc = new Float32Array(boxes.length);
  const [centre, size] = variances;
  for (let i = 0; i < boxes.length; i += 4) {
    const x1 = boxes[i];
    const y1 = boxes[i + 1];
    const x2 = boxes[i + 2];
    const y2 = boxes[i + 3];
    const w = priors[i + 2];
    const h = priors[i + 3];
    loc[i] = ((x1 + x2) / 2 - priors[i]) / (centre * w);
    loc[i + 1] = ((y1 + y2) / 2 - priors[i + 1]) / (centre * h);
    loc[i + 2] = Math.log((x2 - x1) / w) / size;
    loc[i + 3] = Math.log((y2 - y1) / h) / size;
  }
  return loc;
}

/** Regression targets of points: `[N, width]` of `x, y` each, relative to `[N, 4]` priors. */
export function encodePoints(
  points: ArrayLike<number>,
  priors: ArrayLike<number>,
  variances: Variances,
  width: number,
): Float32Array {
  checkRows("points", points.length, width, priors);
  const encoded = new Float32Array(points.length);
  for (let i = 0, p = 0; i < points.length; p += BOX_NUMBERS) {
    for (const end = i + width; i < end; i += POINT_NUMBERS) {
      encoded[i] = (points[i] - priors[p]) / (variances[0] * priors[p + 2]);
      encoded[i + 1] = (points[i + 1] - priors[p + 1]) / (variances[0] * priors[p + 3]);
    }
  }
  return encoded;
}

/**
 * Regression targets of landmarks.
 *
 * @param points `[N, 10]` of five `x, y`.
 * @param priors `[N, 4]`.
 * @returns `[N, 10]`.
 */
export function encodeLandmarks(
  points: ArrayLike<number>,
  priors: ArrayLike<number>,
  variances: Variances,
): Float32Array {
  return encodePoints(points, priors, variances, LANDMARK_COORDINATES);
}

/** How what a head says is made of what is meant, and the other way round. */
export interface Codec extends Decoder {
  encode(
    values: ArrayLike<number>,
    priors: ArrayLike<number>,
    variances: Variances,
    width: number,
  ): Float32Array;
}

/** The codecs of a table's heads, by what they mean. */
export const CODECS: Readonly<Record<keyof typeof DECODERS, Codec>> = {
  box: { ...DECODERS.box, encode: encodeBoxes },
  points: { ...DECODERS.points, encode: encodePoints },
  values: { ...DECODERS.values, encode: (values) => Float32Array.from(values) },
};
