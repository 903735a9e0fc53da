import { resample } from "@retinaface-webgpu/train";
import type { RawImage } from "retinaface-webgpu";

/** What is taken from bytes, and what the difference is divided by (insightface's arcface_torch). */
const MIDDLE = 127.5;

/** An image with this side: averaged where it shrinks, interpolated where it grows, and stretched where it is no square. */
export function toSquare(image: RawImage, size: number): RawImage {
  if (image.width === size && image.height === size) return image;
  return resample(image, size, size, "area");
}

/** Least deviation, in units of a byte, that an evened picture is divided by: less is noise. */
const LEAST_DEVIATION = 4;

/**
 * Writes an image as a network's input, R, G, B as (value − 127.5) / 127.5, row by row; or evened: all its numbers together
 * with a mean of 0 and a deviation of 1.
 * @param at the first number that is written
 */
export function writePixels(image: RawImage, target: Float32Array, at = 0, evened = false): void {
  const { data } = image;
  const { mean, deviation } = evened ? statistics(data) : { mean: MIDDLE, deviation: MIDDLE };
  for (let from = 0, to = at; from < data.length; from += 4, to += 3) {
    target[to] = (data[from] - mean) / deviation;
    target[to + 1] = (data[from + 1] - mean) / deviation;
    target[to + 2] = (data[from + 2] - mean) / deviation;
  }
}

/** Of red, green and blue together. */
function statistics(data: RawImage["data"]) {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < data.length; i += 4) {
    for (let c = 0; c < 3; c++) {
      sum += data[i + c];
      squares += data[i + c] * data[i + c];
    }
  }
  const count = (data.length / 4) * 3;
  const mean = sum / count;
  const variance = Math.max(0, squares / count - mean * mean);
  return { mean, deviation: Math.max(LEAST_DEVIATION, Math.sqrt(variance)) };
}
