import type { RawImage } from "../types.js";

/**
 * How sharp an image is: the variance of its Laplacian (Pech-Pacheco et al., "Diatom autofocusing in brightfield
 * microscopy", 2000) relative to the variance of its brightness, so that contrast and exposure play no part. Compare
 * crops of one size only: `alignFace` makes such.
 *
 * @returns 0 for an image of one colour
 */
export function sharpness({ data, width, height }: RawImage): number {
  const grey = new Float32Array(width * height);
  for (let i = 0; i < grey.length; i++) {
    grey[i] = 0.299 * data[i * 4] + 0.587 * data[i * 4 + 1] + 0.114 * data[i * 4 + 2];
  }
  const edges: number[] = [];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      edges.push(grey[at - 1] + grey[at + 1] + grey[at - width] + grey[at + width] - 4 * grey[at]);
    }
  }
  const contrast = variance(grey);
  return contrast < 1e-3 ? 0 : variance(edges) / contrast;
}

function variance(values: ArrayLike<number>): number {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    squares += values[i] ** 2;
  }
  const mean = sum / Math.max(1, values.length);
  return Math.max(0, squares / Math.max(1, values.length) - mean ** 2);
}
