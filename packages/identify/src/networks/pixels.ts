import { resample } from "@retinaface-webgpu/train";
import type { RawImage } from "retinaface-webgpu";

/** What is taken from bytes, and what the difference is divided by (insightface's arcface_torch). */
const MIDDLE = 127.5;

/** An image with this side: averaged where it shrinks, interpolated where it grows, and stretched where it is no square. */
export function toSquare(image: RawImage, size: number): RawImage {
  if (image.width === size && image.height === size) return image;
  return resample(image, size, size, "area");
}

/**
 * Writes an image as a network's input, R, G, B as (value − 127.5) / 127.5, row by row.
 * @param at the first number that is written
 */
export function writePixels(image: RawImage, target: Float32Array, at = 0): void {
  const { data } = image;
  for (let from = 0, to = at; from < data.length; from += 4, to += 3) {
    target[to] = data[from] / MIDDLE - 1;
    target[to + 1] = data[from + 1] / MIDDLE - 1;
    target[to + 2] = data[from + 2] / MIDDLE - 1;
  }
}
