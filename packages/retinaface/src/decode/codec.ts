import { OptionError } from "../errors.js";

/*
 * Offsets between priors and boxes or points (SSD's box coding, as in PyTorch's RetinaFace).
 * Priors are `cx, cy, w, h` and boxes corners `x1, y1, x2, y2`, all as fractions of the input.
 * Computed in double precision; decoded values stay double, so that scaling to pixels loses nothing.
 */

type Variances = readonly [centre: number, size: number];

/** Coordinates of five landmarks. */
export const LANDMARK_COORDINATES = 10;

function checkRows(name: string, length: number, columns: number, priors: ArrayLike<number>): void {
  const rows = priors.length / 4;
  if (!Number.isInteger(rows) || length !== rows * columns) {
    throw new OptionError(
      `${name} must be [${rows}, ${columns}] for ${rows} priors, got ${length} values`,
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
  checkRows("points", points.length, LANDMARK_COORDINATES, priors);
  const landms = new Float32Array(points.length);
  for (let i = 0, p = 0; i < points.length; p += 4) {
    for (const end = i + LANDMARK_COORDINATES; i < end; i += 2) {
      landms[i] = (points[i] - priors[p]) / (variances[0] * priors[p + 2]);
      landms[i + 1] = (points[i + 1] - priors[p + 1]) / (variances[0] * priors[p + 3]);
    }
  }
  return landms;
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
  checkRows("landms", landms.length, LANDMARK_COORDINATES, priors);
  const points = new Float64Array(landms.length);
  for (let i = 0, p = 0; i < landms.length; p += 4) {
    for (const end = i + LANDMARK_COORDINATES; i < end; i += 2) {
      points[i] = priors[p] + landms[i] * variances[0] * priors[p + 2];
      points[i + 1] = priors[p + 1] + landms[i + 1] * variances[0] * priors[p + 3];
    }
  }
  return points;
}
