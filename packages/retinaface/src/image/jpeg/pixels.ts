import type { RawImage } from "../../types.js";
import type { Frame, Plane } from "./frame.js";
import type { JpegHeader } from "./header.js";

/**
 * RGBA of decoded planes: subsampled components are spread to full resolution, then colours
 * converted by JFIF's equations.
 */
export function jpegPixels(frame: Frame, header: JpegHeader): RawImage {
  const { width, height, planes } = frame;
  const data = new Uint8ClampedArray(width * height * 4);
  const rows = planes.map((plane) => rowReader(plane, frame));
  const convert = converterFor(header);
  for (let y = 0; y < height; y++) {
    convert(
      rows.map((row) => row(y)),
      data.subarray(y * width * 4, (y + 1) * width * 4),
    );
  }
  return { data, width, height };
}

/** Gives the samples of an image row at full resolution. */
type RowReader = (y: number) => Uint8ClampedArray;

/**
 * Components at half resolution are interpolated by a triangle filter, as libjpeg's "fancy
 * upsampling" does: each sample is 3/4 the nearer and 1/4 the farther one. Others are repeated.
 */
function rowReader(plane: Plane, frame: Frame): RowReader {
  const { samples, blockStride } = plane;
  const stride = blockStride * 8;
  const line = (row: number) => samples.subarray(row * stride, (row + 1) * stride);
  const halfColumns = plane.h * 2 === frame.maxH;
  const halfRows = plane.v * 2 === frame.maxV;
  const fullColumns = plane.h === frame.maxH;
  const fullRows = plane.v === frame.maxV;
  if (fullColumns && fullRows) return line;
  const wide = new Uint8ClampedArray(frame.width + 1);
  if ((fullColumns || halfColumns) && (fullRows || halfRows)) {
    const sums = new Uint16Array(plane.width);
    return (y) => {
      const weight = fullRows ? sumOne(sums, line(y)) : sumTwo(sums, plane, line, y);
      if (halfColumns) spreadColumns(wide, sums, weight);
      else scaleDown(wide, sums, weight, y);
      return wide;
    };
  }
  return (y) => {
    const from = line(Math.floor((y * plane.v) / frame.maxV));
    for (let x = 0; x < frame.width; x++) wide[x] = from[Math.floor((x * plane.h) / frame.maxH)];
    return wide;
  };
}

/** @returns the weight that the sums carry. */
function sumOne(sums: Uint16Array, line: Uint8ClampedArray): number {
  for (let x = 0; x < sums.length; x++) sums[x] = line[x];
  return 1;
}

function sumTwo(
  sums: Uint16Array,
  plane: Plane,
  line: (row: number) => Uint8ClampedArray,
  y: number,
): number {
  const row = y >> 1;
  const near = line(row);
  const far = line(Math.max(0, Math.min(plane.height - 1, y % 2 === 0 ? row - 1 : row + 1)));
  for (let x = 0; x < sums.length; x++) sums[x] = 3 * near[x] + far[x];
  return 4;
}

/** Doubles the columns; halves are rounded up and down in turn. */
function spreadColumns(wide: Uint8ClampedArray, sums: Uint16Array, weight: number): void {
  const shift = weight === 4 ? 4 : 2;
  const left = weight === 4 ? 8 : 1;
  const right = weight === 4 ? 7 : 2;
  const last = sums.length - 1;
  for (let x = 0; x <= last; x++) {
    const centre = 3 * sums[x];
    wide[2 * x] = (centre + sums[x === 0 ? 0 : x - 1] + left) >> shift;
    wide[2 * x + 1] = (centre + sums[x === last ? last : x + 1] + right) >> shift;
  }
}

function scaleDown(wide: Uint8ClampedArray, sums: Uint16Array, weight: number, y: number): void {
  const round = weight === 4 ? 1 + (y & 1) : 0;
  const shift = weight === 4 ? 2 : 0;
  for (let x = 0; x < sums.length; x++) wide[x] = (sums[x] + round) >> shift;
}

/** Converts a row of components to RGBA. */
type Converter = (components: Uint8ClampedArray[], out: Uint8ClampedArray) => void;

function converterFor({ components, adobeTransform }: JpegHeader): Converter {
  if (components.length === 1) return fromGrey;
  if (components.length === 3) {
    const names = String.fromCharCode(...components.map(({ id }) => id));
    const rgb = adobeTransform === undefined ? names === "RGB" : adobeTransform === 0;
    return rgb ? fromRgb : fromYcc;
  }
  if (adobeTransform === undefined) return fromCmyk;
  return adobeTransform === 2 ? fromAdobeYcck : fromAdobeCmyk;
}

function fromGrey([grey]: Uint8ClampedArray[], out: Uint8ClampedArray): void {
  for (let x = 0, at = 0; at < out.length; x++, at += 4) {
    out[at] = out[at + 1] = out[at + 2] = grey[x];
    out[at + 3] = 255;
  }
}

function fromRgb([red, green, blue]: Uint8ClampedArray[], out: Uint8ClampedArray): void {
  for (let x = 0, at = 0; at < out.length; x++, at += 4) {
    out[at] = red[x];
    out[at + 1] = green[x];
    out[at + 2] = blue[x];
    out[at + 3] = 255;
  }
}

/** 1.402, 1.772, 0.344136, 0.714136 with 16 fraction bits, as in libjpeg. */
function fromYcc([luma, cb, cr]: Uint8ClampedArray[], out: Uint8ClampedArray): void {
  for (let x = 0, at = 0; at < out.length; x++, at += 4) {
    const y = luma[x];
    const blue = cb[x] - 128;
    const red = cr[x] - 128;
    out[at] = y + ((91881 * red + 32768) >> 16);
    out[at + 1] = y + ((-22554 * blue - 46802 * red + 32768) >> 16);
    out[at + 2] = y + ((116130 * blue + 32768) >> 16);
    out[at + 3] = 255;
  }
}

/** Inks, 0 none and 255 full. */
function fromCmyk([c, m, y, k]: Uint8ClampedArray[], out: Uint8ClampedArray): void {
  for (let x = 0, at = 0; at < out.length; x++, at += 4) {
    const light = 255 - k[x];
    out[at] = ((255 - c[x]) * light) / 255;
    out[at + 1] = ((255 - m[x]) * light) / 255;
    out[at + 2] = ((255 - y[x]) * light) / 255;
    out[at + 3] = 255;
  }
}

/** Adobe stores inks inverted: 255 is none. */
function fromAdobeCmyk([c, m, y, k]: Uint8ClampedArray[], out: Uint8ClampedArray): void {
  for (let x = 0, at = 0; at < out.length; x++, at += 4) {
    out[at] = (c[x] * k[x]) / 255;
    out[at + 1] = (m[x] * k[x]) / 255;
    out[at + 2] = (y[x] * k[x]) / 255;
    out[at + 3] = 255;
  }
}

/** YCbCr of the inverted inks' complement, and black. */
function fromAdobeYcck(components: Uint8ClampedArray[], out: Uint8ClampedArray): void {
  fromYcc(components, out);
  const k = components[3];
  for (let x = 0, at = 0; at < out.length; x++, at += 4) {
    for (let i = at; i < at + 3; i++) out[i] = ((255 - out[i]) * k[x]) / 255;
  }
}
