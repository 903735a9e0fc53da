/**
 * What of a map of features belongs to a face: a grid of points over a square around its box, each between four cells
 * (RoIAlign of He et al. 2017, with one point a bin).
 */
import {
  gather,
  mul,
  reshape,
  ShapeError,
  sum,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";

/** Points of a patch on a side. */
export const PATCH = 8;
/** Points of a patch. */
export const PATCH_POINTS = PATCH * PATCH;
/** Cells around a point. */
export const CORNERS = 4;

/** A square in pixels of the network's input. */
export interface Square {
  /** Its left and upper side. */
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** The square's side in the longer one of a face's box: the face then fills it as it does `HeadGenerator`'s images. */
const AROUND = 1.25;

/** What the branch looks at of a face, and its camera sees. @param box corners: x1, y1, x2, y2 */
export function squareAround([x1, y1, x2, y2]: ArrayLike<number> & Iterable<number>): Square {
  const side = AROUND * Math.max(x2 - x1, y2 - y1);
  return { x: (x1 + x2 - side) / 2, y: (y1 + y2 - side) / 2, side };
}

/** A map's cells, and how many pixels are between them. */
export interface MapPlace {
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
}

/** Cells around each point of a patch, row by row of the map, and the share of each. */
export interface PatchSamples {
  /** [64, 4]. */
  readonly cells: Int32Array;
  /** [64, 4]. */
  readonly weights: Float32Array;
}

/** Which cells make a square's patch. Points beside the map take its edge. */
export function samplesOf(square: Square, { rows, columns, stride }: MapPlace): PatchSamples {
  const cells = new Int32Array(PATCH_POINTS * CORNERS);
  const weights = new Float32Array(PATCH_POINTS * CORNERS);
  const along = (start: number, k: number, count: number) => {
    const place = (start + ((k + 0.5) * square.side) / PATCH) / stride - 0.5;
    const inside = Math.min(count - 1, Math.max(0, place));
    const first = Math.min(Math.floor(inside), Math.max(0, count - 2));
    return { first, second: Math.min(first + 1, count - 1), share: inside - first };
  };
  for (let p = 0; p < PATCH_POINTS; p++) {
    const x = along(square.x, p % PATCH, columns);
    const y = along(square.y, Math.floor(p / PATCH), rows);
    const corners = [
      [y.first, x.first, (1 - y.share) * (1 - x.share)],
      [y.first, x.second, (1 - y.share) * x.share],
      [y.second, x.first, y.share * (1 - x.share)],
      [y.second, x.second, y.share * x.share],
    ];
    for (const [k, [row, column, weight]] of corners.entries()) {
      cells[p * CORNERS + k] = row * columns + column;
      weights[p * CORNERS + k] = weight;
    }
  }
  return { cells, weights };
}

/**
 * Patches of a map.
 *
 * @param map `[n, h, w, c]`
 * @param cells i32 `[f, 64, 4]`: rows of the maps one after the other, that of image i beginning at i · h · w
 * @param weights `[f, 64, 4]`
 * @returns `[f, 64, c]`
 * @throws ShapeError where cells and weights differ in shape
 */
export function patchesOf(map: Tensor, cells: Tensor, weights: Tensor): Tensor {
  const [faces] = cells.shape;
  const expected = [faces, PATCH_POINTS, CORNERS].join(", ");
  if (cells.shape.join(", ") !== expected || weights.shape.join(", ") !== expected) {
    throw new ShapeError(
      `patchesOf: cells [${cells.shape.join(", ")}] and weights [${weights.shape.join(", ")}]; both must be [${expected}]`,
    );
  }
  const taken = gather(reshape(map, [-1, map.shape[3]]), cells);
  const shares = reshape(weights, [faces, PATCH_POINTS, CORNERS, 1]);
  return sum(mul(taken, shares), { axes: [2] });
}

/** A map on the host: channels `offset …` of cells `stride` numbers apart. */
export interface HostMap {
  readonly values: Float32Array;
  readonly offset: number;
  readonly stride: number;
  readonly channels: number;
  /** Cells before the image's first. */
  readonly first: number;
}

/** {@link patchesOf} of one face on the host: `[64, c]`. */
export function patchOnHost(map: HostMap, { cells, weights }: PatchSamples): Float32Array {
  const { values, offset, stride, channels, first } = map;
  const patch = new Float32Array(PATCH_POINTS * channels);
  for (const [i, cell] of cells.entries()) {
    const weight = weights[i];
    if (weight === 0) continue;
    const from = (first + cell) * stride + offset;
    const to = Math.floor(i / CORNERS) * channels;
    for (let c = 0; c < channels; c++) patch[to + c] += weight * values[from + c];
  }
  return patch;
}
