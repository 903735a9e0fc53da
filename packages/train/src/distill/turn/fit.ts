import { LANDMARK_NAMES } from "retinaface-webgpu";
import { headMesh } from "./head.js";

/** What takes points of a plane to pixels. */
interface Place {
  /** Pixels a centimetre of the head. */
  readonly scale: number;
  /** Of the line of the eyes, clockwise, in radians. */
  readonly roll: number;
  /** The pixel of the plane's origin. */
  readonly origin: readonly [x: number, y: number];
}

/** How a frontal face lies in its portrait. The plane's origin is the head's. */
export interface HeadFit extends Place {
  /** How much longer the face is than the template. */
  readonly length: number;
  /** Moves points of the head's plane so that its landmarks come to lie on the portrait's. */
  readonly warp: (x: number, y: number) => [x: number, y: number];
}

/** What a face may differ from the template to count as frontal, in centimetres of the head and shares of its length. */
const LARGEST_SHIFT = 0.6;
const LENGTHS = [0.75, 1.3] as const;
const NOSE_PLACES = [0.28, 0.62] as const;
/** Reach of a landmark's own shift, in centimetres. */
const REACH = 3;

type Vector = readonly [number, number];

const mean = (a: Vector, b: Vector): Vector => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
const minus = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1]];

/** Solves a small symmetric system by elimination; its matrix is positive definite. */
function solve(matrix: number[][], right: number[][]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...right[i]]);
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      if (i === k) continue;
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j < rows[i].length; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  return rows.map((row, i) => row.slice(n).map((value) => value / row[i]));
}

/** Takes each of `from` to its `to` and leaves what is far from all of them. */
function warpBetween(from: readonly Vector[], to: readonly Vector[]): HeadFit["warp"] {
  const weigh = (x: number, y: number, [px, py]: Vector) =>
    Math.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * REACH ** 2));
  const shifts = solve(
    from.map(([x, y]) => from.map((point) => weigh(x, y, point))),
    to.map((point, i) => [...minus(point, from[i])]),
  );
  return (x, y) => {
    let [dx, dy] = [0, 0];
    for (const [i, point] of from.entries()) {
      const weight = weigh(x, y, point);
      dx += weight * shifts[i][0];
      dy += weight * shifts[i][1];
    }
    return [x + dx, y + dy];
  };
}

/**
 * Fits the head to a face's five landmarks, as weak perspective of a face that looks at the camera: what is left of the
 * person's own pose and shape moves the template in the plane of the portrait.
 *
 * @param landmarks ten numbers in pixels; a nose that is not known is NaN
 * @returns undefined for a face that is turned already, or whose landmarks cannot be right
 */
export function fitHead(landmarks: readonly number[]): HeadFit | undefined {
  const at = (i: number): Vector => [landmarks[2 * i], landmarks[2 * i + 1]];
  const known = [...LANDMARK_NAMES.keys()].filter((i) => at(i).every(Number.isFinite));
  if (![0, 1, 3, 4].every((i) => known.includes(i))) return undefined;
  const own = (i: number): Vector => {
    const [x, y] = headMesh().landmarks.subarray(i * 3, i * 3 + 2);
    return [x, y];
  };
  const eyes = minus(at(1), at(0));
  const roll = Math.atan2(eyes[1], eyes[0]);
  const scale = Math.hypot(...eyes) / (own(1)[0] - own(0)[0]);
  const between: Place = { scale, roll, origin: mean(at(0), at(1)) };
  /** In the head's plane, from between the eyes. */
  const inHead = ([u, v]: Vector): Vector => planeOf(between, u, v);
  const mouth = inHead(mean(at(3), at(4)));
  const height = own(0)[1] - own(3)[1];
  const length = -mouth[1] / height;
  if (!(length > LENGTHS[0] && length < LENGTHS[1])) return undefined;
  const shifted = [mouth[0], ...(known.includes(2) ? [inHead(at(2))[0]] : [])];
  if (shifted.some((x) => Math.abs(x) > LARGEST_SHIFT)) return undefined;
  if (known.includes(2)) {
    const place = inHead(at(2))[1] / mouth[1];
    if (!(place > NOSE_PLACES[0] && place < NOSE_PLACES[1])) return undefined;
  }
  const up = own(0)[1] * length;
  const from = known.map((i): Vector => [own(i)[0], own(i)[1] * length]);
  const to = known.map((i): Vector => {
    const [x, y] = inHead(at(i));
    return [x, y + up];
  });
  const origin = pixelOf(between, 0, -up);
  return { scale, roll, origin, length, warp: warpBetween(from, to) };
}

/** The pixel of a point of the head's plane. */
export function pixelOf({ scale, roll, origin }: Place, x: number, y: number): [number, number] {
  const [sin, cos] = [Math.sin(roll) * scale, Math.cos(roll) * scale];
  return [origin[0] + cos * x + sin * y, origin[1] + sin * x - cos * y];
}

/** The point of the head's plane at a pixel. */
export function planeOf({ scale, roll, origin }: Place, u: number, v: number): [number, number] {
  const [sin, cos] = [Math.sin(roll) / scale, Math.cos(roll) / scale];
  const [dx, dy] = [u - origin[0], v - origin[1]];
  return [cos * dx + sin * dy, sin * dx - cos * dy];
}
