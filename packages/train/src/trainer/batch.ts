import { OptionError } from "retinaface-webgpu";
import { MEAN_RGB, type Sample } from "../augment/sample.js";

/**
 * The images of a batch as the network takes them: `[n, size, size, 3]`, BGR minus the mean.
 *
 * @param memory for the result where it is large enough: fresh memory costs more than the pixels
 */
export function imagesOf(
  samples: readonly Sample[],
  memory: Float32Array = new Float32Array(),
): { data: Float32Array; shape: number[] } {
  const { width, height } = samples[0].image;
  const pixels = width * height;
  const length = samples.length * pixels * 3;
  const data = memory.length < length ? new Float32Array(length) : memory.subarray(0, length);
  const [red, green, blue] = MEAN_RGB;
  let to = 0;
  for (const { id, image } of samples) {
    if (image.width !== width || image.height !== height) {
      throw new OptionError(
        `a batch needs images of one size; ${id} is ${image.width} × ${image.height}, the first ` +
          `${width} × ${height}`,
      );
    }
    const bytes = image.data;
    for (let from = 0; from < pixels * 4; from += 4, to += 3) {
      data[to] = bytes[from + 2] - blue;
      data[to + 1] = bytes[from + 1] - green;
      data[to + 2] = bytes[from] - red;
    }
  }
  return { data, shape: [samples.length, height, width, 3] };
}
