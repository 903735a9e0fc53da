import type { RawImage } from "../types.js";
import type { Orientation } from "./exif.js";

/** Where stored pixels lie in the upright image, in pixels of the upright image's rows. */
export interface UprightLayout {
  /** Sides of the upright image. */
  readonly width: number;
  readonly height: number;
  /** Place of the first stored pixel. */
  readonly start: number;
  /** From a stored pixel to the next one of its row, and to the one below. */
  readonly right: number;
  readonly down: number;
}

/** How an image is stored that is `width` × `height` before it is turned; 5 to 8 swap the sides. */
export function uprightLayout(
  width: number,
  height: number,
  orientation: Orientation,
): UprightLayout {
  const [start, right, down] = steps(width, height, orientation);
  return orientation >= 5
    ? { width: height, height: width, start, right, down }
    : { width, height, start, right, down };
}

function steps(width: number, height: number, orientation: Orientation): [number, number, number] {
  const last = width * height - 1;
  switch (orientation) {
    case 1:
      return [0, 1, width];
    case 2:
      return [width - 1, -1, width];
    case 3:
      return [last, -1, -width];
    case 4:
      return [last + 1 - width, 1, -width];
    case 5:
      return [0, height, 1];
    case 6:
      return [height - 1, height, -1];
    case 7:
      return [last, -height, -1];
    case 8:
      return [last + 1 - height, -height, 1];
  }
}

/** Stored pixels turned upright; those that are upright already are given back as they are. */
export function turnUpright(image: RawImage, orientation: Orientation): RawImage {
  if (orientation === 1) return image;
  const { data, width: columns, height: rows } = image;
  const { width, height, start, right, down } = uprightLayout(columns, rows, orientation);
  const stored = new Uint32Array(data.buffer as ArrayBuffer, data.byteOffset, columns * rows);
  const upright = new Uint32Array(columns * rows);
  for (let y = 0, from = 0; y < rows; y++) {
    for (let x = 0, to = start + y * down; x < columns; x++, to += right) {
      upright[to] = stored[from++];
    }
  }
  return { data: new Uint8ClampedArray(upright.buffer), width, height };
}
