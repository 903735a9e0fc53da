import { AlignError, OptionError } from "./errors.js";
import { checkRawImage } from "./image/raw.js";
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
const TEMPLATE_SIZE = 112;

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
 * five landmarks are brought onto ArcFace's template by a similarity transform, pixels are sampled
 * bilinearly, and what lies outside the image is black.
 *
 * @param image the image the face was found in.
 * @param size side of the square result in pixels.
 * @throws AlignError for landmarks that coincide or are not finite.
 */
export function alignFace(image: RawImage, face: Face, size = TEMPLATE_SIZE): RawImage {
  checkRawImage(image);
  if (!Number.isSafeInteger(size) || size < 1 || size > 8192) {
    throw new OptionError(`size must be a whole number from 1 to 8192, got ${size}`);
  }
  const scale = size / TEMPLATE_SIZE;
  const template = ARCFACE_TEMPLATE.map(([x, y]): Point => [x * scale, y * scale]);
  const landmarks = LANDMARK_NAMES.map((name) => face.landmarks[name]);
  const { a, b, tx, ty } = similarityTransform(landmarks, template);
  const squared = a * a + b * b;
  const stepX = a / squared;
  const stepY = -b / squared;
  const originX = (-a * tx - b * ty) / squared;
  const originY = (b * tx - a * ty) / squared;
  const data = new Uint8ClampedArray(size * size * 4);
  for (let v = 0, at = 0; v < size; v++) {
    for (let u = 0; u < size; u++, at += 4) {
      const x = originX + u * stepX - v * stepY;
      const y = originY + u * stepY + v * stepX;
      sampleBilinear(image, x, y, data, at);
    }
  }
  return { data, width: size, height: size };
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
