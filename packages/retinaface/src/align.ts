import { AlignError, OptionError } from "./errors.js";
import { checkRawImage } from "./image/raw.js";
import { scaleOf } from "./image/source.js";
import { type Face, LANDMARK_NAMES, type Point, type RawImage } from "./types.js";

/**
 * ArcFace's template of the five landmarks in a 112×112 crop (Deng et al., "ArcFace: Additive
 * Angular Margin Loss for Deep Face Recognition", CVPR 2019), in the order of LANDMARK_NAMES.
 */
export const ARCFACE_TEMPLATE: readonly Readonly<Point>[] = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];

/** Where the five landmarks are brought in a square crop. */
export interface AlignTemplate {
  /** Side of the square in which the points are, and of the crop where none other is asked for. */
  readonly size: number;
  /** In the order of `LANDMARK_NAMES`. */
  readonly points: readonly Readonly<Point>[];
}

const ARCFACE: AlignTemplate = { size: 112, points: ARCFACE_TEMPLATE };
const LARGEST = 8192;

/** What is said of landmarks that tell neither place nor turn. */
export const UNPLACED =
  "the landmarks coincide or are not finite: they do not place a face; leave it out";

/** `x' = a·x - b·y + tx`, `y' = b·x + a·y + ty`: scale and rotation without reflection. */
export interface Similarity {
  a: number;
  b: number;
  tx: number;
  ty: number;
}

/**
 * The similarity transform that brings points nearest to others in the least-squares sense
 * (Umeyama, "Least-squares estimation of transformation parameters between two point patterns",
 * PAMI 1991; in two dimensions it has this closed form).
 *
 * @throws AlignError when the points coincide, are not finite, or match no rotation better than another.
 */
export function similarityTransform(
  from: readonly Readonly<Point>[],
  to: readonly Readonly<Point>[],
): Similarity {
  const [fromX, fromY] = mean(from);
  const [toX, toY] = mean(to);
  let dot = 0;
  let cross = 0;
  let spread = 0;
  let toSpread = 0;
  for (const [n, [px, py]] of from.entries()) {
    const x = px - fromX;
    const y = py - fromY;
    const u = to[n][0] - toX;
    const v = to[n][1] - toY;
    dot += x * u + y * v;
    cross += x * v - y * u;
    spread += x * x + y * y;
    toSpread += u * u + v * v;
  }
  const match = Math.hypot(dot, cross);
  if (!Number.isFinite(match + spread) || match <= 1e-6 * Math.sqrt(spread * toSpread)) {
    throw new AlignError(UNPLACED);
  }
  const a = dot / spread;
  const b = cross / spread;
  return { a, b, tx: toX - a * fromX + b * fromY, ty: toY - b * fromX - a * fromY };
}

/**
 * Cuts out a face upright and centred, as ArcFace and kindred recognition networks expect it: the
 * five landmarks are brought onto a template by a similarity transform, pixels are sampled
 * bilinearly, and what lies outside the image is black.
 *
 * @param image the image the face was found in; where it was decoded smaller, the face is in pixels of its original.
 * @param size side of the square result in pixels; the template is scaled to it. Default the template's, 112.
 * @param template default ArcFace's.
 * @throws AlignError for landmarks that coincide or are not finite; OptionError for a size or template out of range.
 */
export function alignFace(
  image: RawImage,
  face: Face,
  size?: number,
  template: AlignTemplate = ARCFACE,
): RawImage {
  checkRawImage(image);
  checkTemplate(template);
  const side = size ?? template.size;
  if (!Number.isSafeInteger(side) || side < 1 || side > LARGEST) {
    throw new OptionError(`size must be a whole number from 1 to ${LARGEST}, got ${side}`);
  }
  const scale = side / template.size;
  const places = template.points.map(([x, y]): Point => [x * scale, y * scale]);
  const [scaleX, scaleY] = scaleOf(image);
  const landmarks = LANDMARK_NAMES.map((name): Point => {
    const [x, y] = face.landmarks[name];
    return [x * scaleX, y * scaleY];
  });
  const { a, b, tx, ty } = similarityTransform(landmarks, places);
  const squared = a * a + b * b;
  const stepX = a / squared;
  const stepY = -b / squared;
  const originX = (-a * tx - b * ty) / squared;
  const originY = (b * tx - a * ty) / squared;
  const data = new Uint8ClampedArray(side * side * 4);
  for (let v = 0, at = 0; v < side; v++) {
    for (let u = 0; u < side; u++, at += 4) {
      const x = originX + u * stepX - v * stepY;
      const y = originY + u * stepY + v * stepX;
      sampleBilinear(image, x, y, data, at);
    }
  }
  return { data, width: side, height: side };
}

function isTemplate(value: unknown): value is AlignTemplate {
  const { size, points } = Object(value) as { size?: unknown; points?: unknown };
  if (!Number.isSafeInteger(size) || (size as number) < 1 || !Array.isArray(points)) return false;
  const isPoint = (point: unknown) =>
    Array.isArray(point) && point.length === 2 && point.every(Number.isFinite);
  const five = points.length === LANDMARK_NAMES.length && points.every(isPoint);
  return five && new Set(points.map(String)).size > 1;
}

/** @throws OptionError for what is no template: a size, and a point for each landmark */
export function checkTemplate(template: unknown): AlignTemplate {
  if (isTemplate(template)) return template;
  throw new OptionError(
    `a template is { size, points }: a whole number of pixels, and ${LANDMARK_NAMES.length} pairs of numbers for ` +
      LANDMARK_NAMES.join(", "),
  );
}

function mean(points: readonly Readonly<Point>[]): Point {
  const sum = points.reduce<Point>(([sx, sy], [x, y]) => [sx + x, sy + y], [0, 0]);
  return [sum[0] / points.length, sum[1] / points.length];
}

/** Writes the opaque colour at `x, y`, where whole numbers are pixel centres. */
function sampleBilinear(
  image: RawImage,
  x: number,
  y: number,
  to: Uint8ClampedArray,
  at: number,
): void {
  const { data, width, height } = image;
  const left = Math.floor(x);
  const top = Math.floor(y);
  to[at + 3] = 255;
  if (left < -1 || top < -1 || left >= width || top >= height) return;
  const sums = [0, 0, 0];
  for (let row = top; row <= top + 1; row++) {
    if (row < 0 || row >= height) continue;
    for (let column = left; column <= left + 1; column++) {
      if (column < 0 || column >= width) continue;
      const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
      const from = (row * width + column) * 4;
      for (let c = 0; c < 3; c++) sums[c] += weight * data[from + c];
    }
  }
  to.set(sums, at);
}
