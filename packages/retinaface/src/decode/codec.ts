import { OptionError } from "../errors.js";
import { BOX_NUMBERS, POINT_NUMBERS } from "../model/heads.js";
import { type HeadMeaning, LANDMARK_NAMES } from "../types.js";

/*
 * Offsets between priors and boxes or points (SSD's box coding, as in PyTorch's RetinaFace).
 * Priors are `cx, cy, w, h` and boxes corners `x1, y1, x2, y2`, all as fractions of the input.
 * Computed in double precision; decoded values stay double, so that scaling to pixels loses nothing.
 */

type Variances = readonly [centre: number, size: number];

/** Coordinates of the landmarks. */
export const LANDMARK_COORDINATES = LANDMARK_NAMES.length * POINT_NUMBERS;

function checkRows(name: string, length: number, columns: number, priors: ArrayLike<number>): void {
  const rows = priors.length / BOX_NUMBERS;
  if (!Number.isInteger(rows) || length !== rows * columns) {
    throw new OptionError(
      `${name} must be [${rows}, ${columns}] for ${rows} priors, got ${length} values: give a row a prior`,
    );
  }
}

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

/**
 * Boxes from the network's offsets.
 *
 * @param loc `[N, 4]`.
 * @param priors `[N, 4]`.
 * @returns `[N, 4]` corners.
 */
export function decodeBoxes(
  loc: ArrayLike<number>,
  priors: ArrayLike<number>,
  variances: Variances,
): Float64Array {
  checkRows("loc", loc.length, 4, priors);
  const boxes = new Float64Array(loc.length);
  const [centre, size] = variances;
  for (let i = 0; i < loc.length; i += 4) {
    const priorW = priors[i + 2];
    const priorH = priors[i + 3];
    const w = priorW * Math.exp(loc[i + 2] * size);
    const h = priorH * Math.exp(loc[i + 3] * size);
    const x1 = priors[i] + loc[i] * centre * priorW - w / 2;
    const y1 = priors[i + 1] + loc[i + 1] * centre * priorH - h / 2;
    boxes[i] = x1;
    boxes[i + 1] = y1;
    boxes[i + 2] = x1 + w;
    boxes[i + 3] = y1 + h;
  }
  return boxes;
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

/** Points from the network's offsets: the inverse of {@link encodePoints}. */
export function decodePoints(
  offsets: ArrayLike<number>,
  priors: ArrayLike<number>,
  variances: Variances,
  width: number,
): Float64Array {
  checkRows("offsets", offsets.length, width, priors);
  const points = new Float64Array(offsets.length);
  for (let i = 0, p = 0; i < offsets.length; p += BOX_NUMBERS) {
    for (const end = i + width; i < end; i += POINT_NUMBERS) {
      points[i] = priors[p] + offsets[i] * variances[0] * priors[p + 2];
      points[i + 1] = priors[p + 1] + offsets[i + 1] * variances[0] * priors[p + 3];
    }
  }
  return points;
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

/**
 * Landmarks from the network's offsets.
 *
 * @param landms `[N, 10]`.
 * @param priors `[N, 4]`.
 * @returns `[N, 10]` of five `x, y`.
 */
export function decodeLandmarks(
  landms: ArrayLike<number>,
  priors: ArrayLike<number>,
  variances: Variances,
): Float64Array {
  return decodePoints(landms, priors, variances, LANDMARK_COORDINATES);
}

/** How what a head says is made of what is meant, and the other way round. */
export interface Codec {
  encode(
    values: ArrayLike<number>,
    priors: ArrayLike<number>,
    variances: Variances,
    width: number,
  ): Float32Array;
  decode(
    offsets: ArrayLike<number>,
    priors: ArrayLike<number>,
    variances: Variances,
    width: number,
  ): Float64Array;
  /** Whether decoded numbers are places, x and y in turn, as fractions of the input. */
  readonly places: boolean;
}

/** The codecs of a table's heads, by what they mean. */
export const CODECS: Readonly<Record<Exclude<HeadMeaning, "class">, Codec>> = {
  box: { encode: encodeBoxes, decode: decodeBoxes, places: true },
  points: { encode: encodePoints, decode: decodePoints, places: true },
  values: {
    encode: (values) => Float32Array.from(values),
    decode: (values) => Float64Array.from(values),
    places: false,
  },
};
