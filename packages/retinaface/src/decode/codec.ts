import { OptionError } from "../errors.js";
import { BOX_NUMBERS, POINT_NUMBERS } from "../model/heads.js";
import { type HeadMeaning, LANDMARK_NAMES } from "../types.js";

/*
 * Offsets between priors and boxes or points (SSD's box coding, as in PyTorch's RetinaFace).
 * Priors are `cx, cy, w, h` and boxes corners `x1, y1, x2, y2`, all as fractions of the input.
 * Computed in double precision; decoded values stay double, so that scaling to pixels loses nothing.
 */

export type Variances = readonly [centre: number, size: number];

/** Coordinates of the landmarks. */
export const LANDMARK_COORDINATES = LANDMARK_NAMES.length * POINT_NUMBERS;

/** @throws OptionError unless there are `columns` numbers for each prior */
export function checkRows(
  name: string,
  length: number,
  columns: number,
  priors: ArrayLike<number>,
): void {
  const rows = priors.length / BOX_NUMBERS;
  if (!Number.isInteger(rows) || length !== rows * columns) {
    throw new OptionError(
      `${name} must be [${rows}, ${columns}] for ${rows} priors, got ${length} values: give a row a prior`,
    );
  }
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

/** Points from the network's offsets: the inverse of `encodePoints`. */
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

/** How what is meant is made of what a head says. */
export interface Decoder {
  decode(
    offsets: ArrayLike<number>,
    priors: ArrayLike<number>,
    variances: Variances,
    width: number,
  ): Float64Array;
  /** Whether decoded numbers are places, x and y in turn, as fractions of the input. */
  readonly places: boolean;
}

/** Of a table's heads, by what they mean; the other way round in `encode.ts`, which detection goes without. */
export const DECODERS: Readonly<
  Record<Exclude<HeadMeaning, "class" | "objectness" | "mesh">, Decoder>
> = {
  box: { decode: decodeBoxes, places: true },
  points: { decode: decodePoints, places: true },
  values: { decode: (values) => Float64Array.from(values), places: false },
};
