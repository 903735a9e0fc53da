/** Drawing of triangles in float64, triangle by triangle, by the areas that a point cuts off. */
import type { NdArray } from "./array.js";

export type Triangle = readonly number[];

/** What the pixels of images show. */
export interface PixelMap {
  readonly size: readonly [height: number, width: number];
  /** Of each pixel of each image, the triangle; −1 for none. */
  readonly triangle: Int32Array;
  /** Whether that is out of question: no edge within a fiftieth of a pixel, no other triangle at nearly the same depth. */
  readonly sure: Uint8Array;
}

type Point = readonly [x: number, y: number, z: number];

function cornersOf(positions: NdArray, image: number, triangle: Triangle): Point[] {
  return triangle.map((v) => {
    const at = (image * positions.shape[1] + v) * 3;
    return [positions.data[at], positions.data[at + 1], positions.data[at + 2]];
  });
}

const area = (a: Point, b: Point, x: number, y: number): number =>
  (a[0] - x) * (b[1] - y) - (b[0] - x) * (a[1] - y);

/** Parts of the corners at a point, on the image. */
function flatParts([a, b, c]: readonly Point[], x: number, y: number): number[] {
  const whole = area(a, b, c[0], c[1]);
  return [area(b, c, x, y), area(c, a, x, y), area(a, b, x, y)].map((part) => part / whole);
}

/** Parts of the corners at a point, in space. */
function parts(corners: readonly Point[], x: number, y: number): number[] {
  const weighted = flatParts(corners, x, y).map((part, k) => part / corners[k][2]);
  const sum = weighted.reduce((a, b) => a + b, 0);
  return weighted.map((part) => part / sum);
}

const EDGE = 0.02;

/** How far a point is inside of all sides, in pixels; below 0 outside. */
function depthInside(corners: readonly Point[], x: number, y: number): number {
  const flat = flatParts(corners, x, y);
  const [a, b, c] = corners;
  const whole = Math.abs(area(a, b, c[0], c[1]));
  const sides = [
    [b, c],
    [c, a],
    [a, b],
  ].map(([p, q]) => Math.hypot(p[0] - q[0], p[1] - q[1]));
  return Math.min(...flat.map((part, k) => (part * whole) / sides[k]));
}

export function pixelMap(
  positions: NdArray,
  triangles: readonly Triangle[],
  size: readonly [number, number],
): PixelMap {
  const [height, width] = size;
  const count = positions.shape[0] * height * width;
  const map = { size, triangle: new Int32Array(count).fill(-1), sure: new Uint8Array(count) };
  for (let pixel = 0; pixel < count; pixel++) {
    const image = Math.floor(pixel / (height * width));
    const [x, y] = [(pixel % width) + 0.5, (Math.floor(pixel / width) % height) + 0.5];
    let nearest = 0;
    let next = 0;
    let closest = Number.POSITIVE_INFINITY;
    for (const [t, triangle] of triangles.entries()) {
      if (triangle.some((v) => v < 0 || v >= positions.shape[1])) continue;
      const corners = cornersOf(positions, image, triangle);
      if (corners.some(([, , z]) => z <= 0)) continue;
      const inside = depthInside(corners, x, y);
      closest = Math.min(closest, Math.abs(inside));
      if (!(inside >= 0)) continue;
      const flat = flatParts(corners, x, y);
      const closeness = flat.reduce((sum, part, k) => sum + part / corners[k][2], 0);
      if (closeness > nearest) {
        next = nearest;
        nearest = closeness;
        map.triangle[pixel] = t;
      } else next = Math.max(next, closeness);
    }
    map.sure[pixel] = closest > EDGE && (nearest === 0 || next / nearest < 0.999) ? 1 : 0;
  }
  return map;
}

/** Of the triangles that a map names, wherever they have moved: [n, h, w, 3]. */
export function barycentrics(
  positions: NdArray,
  triangles: readonly Triangle[],
  { size: [height, width], triangle }: PixelMap,
): NdArray {
  const data = new Float64Array(triangle.length * 3);
  for (const [pixel, t] of triangle.entries()) {
    if (t < 0) continue;
    const corners = cornersOf(positions, Math.floor(pixel / (height * width)), triangles[t]);
    const y = (Math.floor(pixel / width) % height) + 0.5;
    data.set(parts(corners, (pixel % width) + 0.5, y), pixel * 3);
  }
  return { shape: [positions.shape[0], height, width, 3], data };
}

/** Values of vertices at the pixels of a map: [n, h, w, c]. */
export function interpolated(
  values: NdArray,
  triangles: readonly Triangle[],
  map: PixelMap,
  weights: NdArray,
): NdArray {
  const [batch, vertices, channels] = values.shape;
  const [height, width] = map.size;
  const data = new Float64Array(map.triangle.length * channels);
  for (const [pixel, t] of map.triangle.entries()) {
    if (t < 0) continue;
    const image = Math.floor(pixel / (height * width));
    for (const [k, v] of triangles[t].entries()) {
      for (let c = 0; c < channels; c++) {
        const value = values.data[(image * vertices + v) * channels + c];
        data[pixel * channels + c] += weights.data[pixel * 3 + k] * value;
      }
    }
  }
  return { shape: [batch, height, width, channels], data };
}
