import { OptionError } from "../errors.js";
import { checkRawImage } from "../image/raw.js";
import { resizeBilinear } from "../image/resize.js";
import { scaleOf } from "../image/source.js";
import type { Face, RawImage } from "../types.js";

/** Options of `cropFace`. */
export interface CropOptions {
  /** What is shown beyond the box at each side, as a share of its longer side; default 0.3. */
  readonly margin?: number | undefined;
  /** Side of the square crop in pixels; default that of the square in the image, 8192 at most. */
  readonly size?: number | undefined;
}

const MARGIN = 0.3;
const LARGEST = 8192;

/**
 * Cuts a face out as a square about its box; what lies outside the image is black. Of an image that was decoded smaller the
 * face is in pixels of its original, as `detect` gives it, and the crop in those that there are.
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
  const [scaleX, scaleY] = scaleOf(image);
  const [x1, y1, x2, y2] = face.box.map((value, i) => value * (i % 2 === 0 ? scaleX : scaleY));
  const side = Math.round(Math.max(x2 - x1, y2 - y1) * (1 + 2 * margin));
  const left = Math.round((x1 + x2 - side) / 2);
  const top = Math.round((y1 + y2 - side) / 2);
  if (!(side >= 1 && Number.isFinite(left + top))) {
    throw new OptionError(`a crop of ${side} pixels cannot be made: check the box and the margin`);
  }
  return squareOf(image, { left, top, side }, size ?? Math.min(side, LARGEST));
}

interface Square {
  readonly left: number;
  readonly top: number;
  readonly side: number;
}

/** What of a square lies in the image, scaled, on black: no more of it is held than the image has. */
function squareOf(image: RawImage, { left, top, side }: Square, size: number): RawImage {
  const copy = new Uint8ClampedArray(size * size * 4);
  for (let at = 3; at < copy.length; at += 4) copy[at] = 255;
  const across = spanOf(left, side, image.width, size);
  const down = spanOf(top, side, image.height, size);
  if (across.length > 0 && down.length > 0) {
    const part = partOf(image, across.from, down.from, across.to, down.to);
    const same = across.length === part.width && down.length === part.height;
    const { data } = same ? part : resizeBilinear(part, across.length, down.length);
    for (let y = 0; y < down.length; y++) {
      const row = data.subarray(y * across.length * 4, (y + 1) * across.length * 4);
      copy.set(row, ((down.at + y) * size + across.at) * 4);
    }
  }
  return { data: copy, width: size, height: size };
}

/** The pixels of one direction that lie in the image, and where they are in the crop. */
function spanOf(start: number, side: number, extent: number, size: number) {
  const [from, to] = [Math.max(0, start), Math.min(extent, start + side)];
  if (from >= to) return { from, to, at: 0, length: 0 };
  const place = (pixel: number) => Math.round(((pixel - start) / side) * size);
  return { from, to, at: place(from), length: place(to) - place(from) };
}

function partOf(
  { data, width }: RawImage,
  left: number,
  top: number,
  right: number,
  bottom: number,
): RawImage {
  const part = new Uint8ClampedArray((right - left) * (bottom - top) * 4);
  for (let y = top; y < bottom; y++) {
    const row = data.subarray((y * width + left) * 4, (y * width + right) * 4);
    part.set(row, (y - top) * (right - left) * 4);
  }
  return { data: part, width: right - left, height: bottom - top };
}
