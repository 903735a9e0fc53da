import type { RawImage } from "../types.js";

/** Mirrors an image left to right, in place. */
export function mirrorImage({ data, width, height }: RawImage): void {
  for (let y = 0; y < height; y++) {
    for (let left = y * width * 4, right = left + (width - 1) * 4; left < right; left += 4) {
      for (let c = 0; c < 4; c++) {
        const kept = data[left + c];
        data[left + c] = data[right + c];
        data[right + c] = kept;
      }
      right -= 4;
    }
  }
}

/** A mirrored copy. */
export function mirroredImage(image: RawImage): RawImage {
  const copy = { ...image, data: image.data.slice() };
  mirrorImage(copy);
  return copy;
}

/** Where each landmark comes from in a mirrored face: eyes and mouth corners change sides. */
export const MIRRORED_LANDMARKS = [1, 0, 2, 4, 3];
