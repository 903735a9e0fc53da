import type { RawImage } from "../../types.js";
import { type UprightLayout, uprightLayout } from "../orient.js";
import type { Frame, Plane } from "./frame.js";
import type { JpegHeader } from "./header.js";

/**
 * RGBA of decoded planes, put upright: subsampled components are spread to full resolution, then colours
 * converted by JFIF's equations.
 */
export class JpegPixels {
  readonly image: RawImage & { data: Uint8ClampedArray };
  readonly #layout: UprightLayout;
  readonly #rows: RowReader[];
  readonly #convert: Converter;
  readonly #width: number;
  readonly #height: number;
  #next = 0;

  constructor(frame: Frame, header: JpegHeader) {
    const { width, height } = frame;
    this.#width = width;
    this.#height = height;
    this.#layout = uprightLayout(width, height, header.orientation);
    this.image = {
      data: new Uint8ClampedArray(width * height * 4),
      width: this.#layout.width,
      height: this.#layout.height,
    };
    this.#rows = frame.planes.map((plane) => rowReader(plane, frame));
    this.#convert = converterFor(header);
  }

  /** Converts stored rows before `end` that are not yet; their samples and those below must be there. */
  convertUpTo(end: number): void {
    const { start, right, down } = this.#layout;
    const { data } = this.image;
    for (const last = Math.min(end, this.#height); this.#next < last; this.#next++) {
      const components = this.#rows.map((row) => row(this.#next));
      const at = (start + this.#next * down) * 4;
      this.#convert(components, data, at, right * 4, this.#width);
    }
  }
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
  const held = plane.heldRows * 8;
  const line = (row: number) => {
    const at = (row % held) * stride;
    return samples.subarray(at, at + stride);
  };
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

/** Converts a row of components to RGBA: `width` pixels, from `start` on, `step` bytes apart. */
type Converter = (
  components: Uint8ClampedArray[],
  out: Uint8ClampedArray,
  start: number,
  step: number,
  width: number,
) => void;

function converterFor({ components, jfif, adobeTransform }: JpegHeader): Converter {
  if (components.length === 1) return fromGrey;
  if (components.length === 4) return adobeTransform ? fromYcck : fromCmyk;
  if (jfif) return fromYcc;
  const names = String.fromCharCode(...components.map(({ id }) => id));
  const rgb = adobeTransform === undefined ? names === "RGB" : adobeTransform === 0;
  return rgb ? fromRgb : fromYcc;
}

const fromGrey: Converter = ([grey], out, start, step, width) => {
  for (let x = 0, at = start; x < width; x++, at += step) {
    out[at] = out[at + 1] = out[at + 2] = grey[x];
    out[at + 3] = 255;
  }
};

const fromRgb: Converter = ([red, green, blue], out, start, step, width) => {
  for (let x = 0, at = start; x < width; x++, at += step) {
    out[at] = red[x];
    out[at + 1] = green[x];
    out[at + 2] = blue[x];
    out[at + 3] = 255;
  }
};

/** 1.402, 1.772, 0.344136, 0.714136 with 16 fraction bits, as in libjpeg. */
const fromYcc: Converter = ([luma, cb, cr], out, start, step, width) => {
  for (let x = 0, at = start; x < width; x++, at += step) {
    const y = luma[x];
    const blue = cb[x] - 128;
    const red = cr[x] - 128;
    out[at] = y + ((91881 * red + 32768) >> 16);
    out[at + 1] = y + ((-22554 * blue - 46802 * red + 32768) >> 16);
    out[at + 2] = y + ((116130 * blue + 32768) >> 16);
    out[at + 3] = 255;
  }
};

/** Inks are stored inverted, 255 for none, as Adobe does: viewers take them so without its marker too. */
const fromCmyk: Converter = ([c, m, y, k], out, start, step, width) => {
  for (let x = 0, at = start; x < width; x++, at += step) {
    out[at] = (c[x] * k[x]) / 255;
    out[at + 1] = (m[x] * k[x]) / 255;
    out[at + 2] = (y[x] * k[x]) / 255;
    out[at + 3] = 255;
  }
};

/** YCbCr of the inverted inks' complement, and black. */
const fromYcck: Converter = (components, out, start, step, width) => {
  fromYcc(components, out, start, step, width);
  const k = components[3];
  for (let x = 0, at = start; x < width; x++, at += step) {
    for (let i = at; i < at + 3; i++) out[i] = ((255 - out[i]) * k[x]) / 255;
  }
};
