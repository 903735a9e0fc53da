import type { Random } from "@retinaface-webgpu/tensor";
import { LANDMARK_COORDINATES, MIRRORED_LANDMARKS, type RawImage } from "retinaface-webgpu";
import { type FaceRecord, filterFaces } from "../data/record.js";
import { chance } from "../random.js";

/** A square of an image, in whole pixels. */
export interface Square {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** How squares are drawn, as shares of the image's short side. */
export interface CropOptions {
  readonly minScale: number;
  readonly maxScale: number;
  /** Probability of the whole short side. */
  readonly whole: number;
}

const ATTEMPTS = 250;

type Faces = Pick<FaceRecord, "boxes" | "labels" | "ignored">;

/** Whether the square holds all of a face that trains. */
function holdsFace({ boxes, labels, ignored }: Faces, { x, y, side }: Square): boolean {
  return labels.some((_, f) => {
    const [x1, y1, x2, y2] = boxes.subarray(f * 4, f * 4 + 4);
    return !ignored[f] && x1 >= x && y1 >= y && x2 <= x + side && y2 <= y + side;
  });
}

/**
 * Draws a square that holds at least one whole face, as RetinaFace's training does; any square for an
 * image without faces.
 * @returns undefined if none was found in 250 attempts, as with a face larger than the short side.
 */
export function drawSquare(
  image: Pick<RawImage, "width" | "height">,
  faces: Faces,
  options: CropOptions,
  random: Random,
): Square | undefined {
  const short = Math.min(image.width, image.height);
  const empty = faces.ignored.every((flag) => flag === 1);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const scale = chance(random, options.whole)
      ? 1
      : random.uniform(options.minScale, options.maxScale);
    const side = Math.max(1, Math.floor(scale * short));
    const square = {
      x: random.integer(image.width - side + 1),
      y: random.integer(image.height - side + 1),
      side,
    };
    if (empty || holdsFace(faces, square)) return square;
  }
  return undefined;
}

/** Copies `square` out of the image. */
export function cropImage(image: RawImage, { x, y, side }: Square): RawImage {
  const data = new Uint8ClampedArray(side * side * 4);
  for (let row = 0; row < side; row++) {
    const from = ((y + row) * image.width + x) * 4;
    data.set(image.data.subarray(from, from + side * 4), row * side * 4);
  }
  return { data, width: side, height: side };
}

/**
 * The faces whose centre lies in the square, in its coordinates; boxes and landmarks are clipped to it.
 */
export function cropFaces(record: FaceRecord, { x, y, side }: Square): FaceRecord {
  const kept = filterFaces(record, (f) => {
    const [x1, y1, x2, y2] = record.boxes.subarray(f * 4, f * 4 + 4);
    const cx = (x1 + x2) / 2 - x;
    const cy = (y1 + y2) / 2 - y;
    return cx > 0 && cx < side && cy > 0 && cy < side;
  });
  const shift = (value: number, i: number) =>
    Math.max(0, Math.min(side, value - (i % 2 === 0 ? x : y)));
  return {
    ...kept,
    width: side,
    height: side,
    boxes: kept.boxes.map(shift),
    landmarks: kept.landmarks.map(shift),
  };
}

/** Extends an image to a square to the right and below, with the mean colour of training. */
export function padToSquare(image: RawImage, colour: readonly number[]): RawImage {
  const side = Math.max(image.width, image.height);
  if (image.width === image.height) return image;
  const data = new Uint8ClampedArray(side * side * 4);
  for (let i = 0; i < data.length; i += 4) {
    data[i] = colour[0];
    data[i + 1] = colour[1];
    data[i + 2] = colour[2];
    data[i + 3] = 255;
  }
  for (let row = 0; row < image.height; row++) {
    const from = row * image.width * 4;
    data.set(image.data.subarray(from, from + image.width * 4), row * side * 4);
  }
  return { data, width: side, height: side };
}

/** Mirrors faces left to right in an image `width` wide. */
export function mirrorFaces(record: FaceRecord, width: number): FaceRecord {
  const boxes = record.boxes.slice();
  const landmarks = record.landmarks.slice();
  for (let f = 0; f < record.labels.length; f++) {
    boxes[f * 4] = width - record.boxes[f * 4 + 2];
    boxes[f * 4 + 2] = width - record.boxes[f * 4];
    for (const [to, from] of MIRRORED_LANDMARKS.entries()) {
      const [at, source] = [to, from].map((point) => f * LANDMARK_COORDINATES + point * 2);
      landmarks[at] = width - record.landmarks[source];
      landmarks[at + 1] = record.landmarks[source + 1];
    }
  }
  return { ...record, boxes, landmarks };
}
