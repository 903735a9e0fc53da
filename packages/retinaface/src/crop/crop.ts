import { OptionError } from "../errors.js";
import { checkRawImage } from "../image/raw.js";
import { resizeBilinear } from "../image/resize.js";
import type { Face, RawImage } from "../types.js";

/** Options of `cropFace`. */
export interface CropOptions {
  /** What is shown beyond the box at each side, as a share of its longer side; default 0.3. */
  readonly margin?: number | undefined;
  /** Side of the square crop in pixels; default that of the square in the image. */
  readonly size?: number | undefined;
}

const MARGIN = 0.3;
const LARGEST = 8192;

/**
 * Cuts a face out as a square about its box; what lies outside the image is black.
 *
 * @throws OptionError for options out of range; ImageError for pixels that do not fit the size
 */
export function cropFace(
  image: RawImage,
  face: Pick<Face, "box">,
  options: CropOptions = {},
): RawImage {
  const { margin = MARGIN, size } = options;
  checkRawImage(image);
  if (!(margin >= 0 && margin <= 10)) {
    throw new OptionError(`margin must be a number from 0 to 10, got ${margin}`);
  }
  if (size !== undefined && !(Number.isSafeInteger(size) && size >= 1 && size <= LARGEST)) {
    throw new OptionError(`size must be a whole number from 1 to ${LARGEST}, got ${size}`);
  }
  const [x1, y1, x2, y2] = face.box;
  const side = Math.round(Math.max(x2 - x1, y2 - y1) * (1 + 2 * margin));
  if (!(side >= 1 && side <= LARGEST)) {
    throw new OptionError(`a crop of ${side} pixels cannot be made: check the box and the margin`);
  }
  const left = Math.round((x1 + x2 - side) / 2);
  const top = Math.round((y1 + y2 - side) / 2);
  const crop = squareOf(image, left, top, side);
  return size === undefined ? crop : resizeBilinear(crop, size, size);
}

function squareOf(
  { data, width, height }: RawImage,
  left: number,
  top: number,
  side: number,
): RawImage {
  const copy = new Uint8ClampedArray(side * side * 4);
  for (let at = 3; at < copy.length; at += 4) copy[at] = 255;
  const [from, to] = [Math.max(0, left), Math.min(width, left + side)];
  for (let y = Math.max(0, top); y < Math.min(height, top + side) && from < to; y++) {
    const row = data.subarray((y * width + from) * 4, (y * width + to) * 4);
    copy.set(row, ((y - top) * side + from - left) * 4);
  }
  return { data: copy, width: side, height: side };
}
