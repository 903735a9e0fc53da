import type { RawImage } from "../types.js";
import type { Orientation } from "./exif.js";
import { pixels32 } from "./raw.js";

/**
 * Where the upright image's first pixel lies in the stored one, and how far apart in it the
 * pixels are that follow to the right and below.
 */
function walk(
  width: number,
  height: number,
  orientation: Orientation,
): [start: number, right: number, down: number] {
  const lastRow = (height - 1) * width;
  switch (orientation) {
    case 1:
      return [0, 1, width];
    case 2:
      return [width - 1, -1, width];
    case 3:
      return [lastRow + width - 1, -1, -width];
    case 4:
      return [lastRow, 1, -width];
    case 5:
      return [0, width, 1];
    case 6:
      return [lastRow, -width, 1];
    case 7:
      return [lastRow + width - 1, -width, -1];
    case 8:
      return [width - 1, width, -1];
  }
}

/** Turns stored pixels upright; orientations 5 to 8 swap width and height. */
export function applyOrientation(image: RawImage, orientation: Orientation): RawImage {
  if (orientation === 1) return image;
  const swap = orientation >= 5;
  const width = swap ? image.height : image.width;
  const height = swap ? image.width : image.height;
  const [start, right, down] = walk(image.width, image.height, orientation);
  const from = pixels32(image);
  const to = new Uint32Array(width * height);
  let at = 0;
  for (let y = 0; y < height; y++) {
    let source = start + y * down;
    for (let x = 0; x < width; x++) {
      to[at++] = from[source];
      source += right;
    }
  }
  return { data: new Uint8Array(to.buffer), width, height };
}
