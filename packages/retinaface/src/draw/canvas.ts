import type { RawImage } from "../types.js";

/** Red, green, blue, 0..255. */
export type Colour = readonly [red: number, green: number, blue: number];

/** Fills a rectangle of whole pixels, clipped to the image; `right` and `bottom` are exclusive. */
export function fillRect(
  image: RawImage,
  left: number,
  top: number,
  right: number,
  bottom: number,
  [red, green, blue]: Colour,
): void {
  const { data, width, height } = image;
  const x1 = Math.min(Math.max(left, 0), width);
  const x2 = Math.min(right, width);
  for (let y = Math.max(top, 0); y < Math.min(bottom, height); y++) {
    for (let x = x1, at = (y * width + x1) * 4; x < x2; x++, at += 4) {
      data[at] = red;
      data[at + 1] = green;
      data[at + 2] = blue;
      data[at + 3] = 255;
    }
  }
}

/** Draws a frame of `thickness` pixels inside the rectangle. */
export function strokeRect(
  image: RawImage,
  left: number,
  top: number,
  right: number,
  bottom: number,
  thickness: number,
  colour: Colour,
): void {
  const innerTop = Math.min(top + thickness, bottom);
  const innerBottom = Math.max(bottom - thickness, innerTop);
  fillRect(image, left, top, right, innerTop, colour);
  fillRect(image, left, innerBottom, right, bottom, colour);
  fillRect(image, left, innerTop, Math.min(left + thickness, right), innerBottom, colour);
  fillRect(image, Math.max(right - thickness, left), innerTop, right, innerBottom, colour);
}

/** Fills a disc around `x, y`; whole numbers are pixel centres. */
export function fillDisc(
  image: RawImage,
  x: number,
  y: number,
  radius: number,
  colour: Colour,
): void {
  const first = Math.max(0, Math.ceil(y - radius));
  const last = Math.min(image.height - 1, Math.floor(y + radius));
  for (let row = first; row <= last; row++) {
    const half = Math.sqrt(radius * radius - (row - y) * (row - y));
    fillRect(image, Math.ceil(x - half), row, Math.floor(x + half) + 1, row + 1, colour);
  }
}
