import { ARCFACE_TEMPLATE, UNPLACED } from "../align.js";
import { AlignError } from "../errors.js";
import { LANDMARK_NAMES, type Landmarks, type Point } from "../types.js";

/** Where a face looks, in degrees; 0 each: straight into the camera. */
export interface Pose {
  /** To the image's right. */
  readonly yaw: number;
  /** Down. */
  readonly pitch: number;
  /** Clockwise in the image: the slope of the line of the eyes. */
  readonly roll: number;
}

type Vector = readonly [number, number, number];

/**
 * How far the five landmarks lie before the pupils, in units of ArcFace's template and the order of `LANDMARK_NAMES`: of a
 * mean head, where a nose's tip is 0.6 of the eyes' distance nearer to the camera and the corners of the mouth 0.13 (Farkas,
 * "Anthropometry of the Head and Face", 1994, rounded).
 */
const DEPTHS = [0, 0, 21, 4.6, 4.6];
/** The landmarks in space, seen from the front as the template has them. */
const MODEL = ARCFACE_TEMPLATE.map(([x, y], i): Vector => [x, y, DEPTHS[i]]);
const DEGREES = 180 / Math.PI;

/**
 * The pose of a face from its five landmarks: the rotation whose weak perspective of a mean head comes nearest to them
 * (least squares, then the nearest scaled rotation). Heads differ: expect errors of some degrees, more where a face is turned
 * so far that landmarks hide behind it.
 *
 * @throws AlignError for landmarks that coincide or are not finite
 */
export function facePose(landmarks: Landmarks): Pose {
  const points = LANDMARK_NAMES.map((name) => landmarks[name]);
  const [model, image] = [centred(MODEL), centred(points)];
  const inverse = inverseOf(momentsOf(model));
  const rows = [0, 1].map((axis) => {
    const product = sumOf(model.map((point, i) => scaled(point, image[i][axis])));
    return inverse.map((row) => dot(row, product)) as unknown as Vector;
  });
  const [right, down] = nearestRotation(rows[0], rows[1]);
  const towards = cross(right, down);
  // Of the face's own forward direction, which is the third column.
  const forward: Vector = [right[2], down[2], towards[2]];
  const yaw = Math.atan2(forward[0], forward[2]) * DEGREES;
  const pitch = Math.asin(Math.max(-1, Math.min(1, forward[1]))) * DEGREES;
  const roll = Math.atan2(down[0], right[0]) * DEGREES;
  return { yaw, pitch, roll };
}

function centred<P extends Readonly<Point> | Vector>(points: readonly P[]): number[][] {
  const mean = points[0].map((_, k) => points.reduce((sum, p) => sum + p[k], 0) / points.length);
  return points.map((point) => point.map((value, k) => value - mean[k]));
}

function momentsOf(points: readonly (readonly number[])[]): number[][] {
  return [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => points.reduce((sum, point) => sum + point[i] * point[j], 0)),
  );
}

/** Of a symmetric matrix of three rows. */
function inverseOf([a, b, c]: number[][]): Vector[] {
  const rows = [a, b, c] as unknown as Vector[];
  const [first, second, third] = [
    cross(rows[1], rows[2]),
    cross(rows[2], rows[0]),
    cross(rows[0], rows[1]),
  ];
  const determinant = dot(rows[0], first);
  return [first, second, third].map((row) => scaled(row, 1 / determinant));
}

/** Two directions at right angles, of length 1, nearest to two rows: (A Aᵀ)^(-1/2) A. */
function nearestRotation(a: Vector, b: Vector): [Vector, Vector] {
  const [aa, ab, bb] = [dot(a, a), dot(a, b), dot(b, b)];
  const root = Math.sqrt(aa * bb - ab * ab);
  if (!(Number.isFinite(root) && root > 1e-12 * (aa + bb))) {
    throw new AlignError(UNPLACED);
  }
  const trace = Math.sqrt(aa + bb + 2 * root);
  // The square root of [[aa, ab], [ab, bb]] is that matrix plus root · 1, divided by trace (Levinger 1980); this its inverse.
  const k = 1 / (root * trace);
  const [p, q, r] = [(bb + root) * k, -ab * k, (aa + root) * k];
  return [sumOf([scaled(a, p), scaled(b, q)]), sumOf([scaled(a, q), scaled(b, r)])];
}

const dot = (a: readonly number[], b: readonly number[]) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const scaled = (a: readonly number[], s: number): Vector => [a[0] * s, a[1] * s, a[2] * s];
const sumOf = (all: readonly Vector[]): Vector =>
  all.reduce<Vector>((sum, v) => [sum[0] + v[0], sum[1] + v[1], sum[2] + v[2]], [0, 0, 0]);
const cross = ([a, b, c]: Vector, [d, e, f]: Vector): Vector => [
  b * f - c * e,
  c * d - a * f,
  a * e - b * d,
];
