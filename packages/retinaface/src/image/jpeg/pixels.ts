import type { JpegKernels } from "@retinaface-webgpu/kernels-wasm/jpeg";
import type { RowSink } from "../rows.js";
import type { Frame, Plane } from "./frame.js";
import type { JpegHeader } from "./header.js";

/**
 * RGBA of decoded planes: subsampled components are spread to full resolution, then colours converted by JFIF's
 * equations.
 */
export class JpegPixels {
  readonly #rows: RowReader[];
  readonly #convert: Converter;
  readonly #line: number;
  readonly #height: number;
  #next = 0;

  constructor(
    frame: Frame,
    header: JpegHeader,
    kernels: JpegKernels,
    private readonly sink: RowSink,
  ) {
    this.#height = frame.height;
    this.#rows = frame.planes.map((plane) => rowReader(plane, frame, kernels));
    this.#convert = converterFor(header, kernels, frame.width);
    this.#line = kernels.allocate(frame.width * 4);
  }

  /** Converts stored rows before `end` that are not yet; their samples and those below must be there. */
  convertUpTo(end: number): void {
    for (const last = Math.min(end, this.#height); this.#next < last; this.#next++) {
      this.#convert(
        this.#rows.map((row) => row(this.#next)),
        this.#line,
      );
      this.sink.row(this.#line);
    }
  }
}

/** Gives the address of the samples of an image row at full resolution. */
type RowReader = (y: number) => number;

/**
 * Components at half resolution are interpolated by a triangle filter, as libjpeg's "fancy
 * upsampling" does. Others are repeated.
 */
function rowReader(plane: Plane, frame: Frame, kernels: JpegKernels): RowReader {
  const { stride, across, down, width } = plane;
  const { run } = kernels;
  const held = plane.heldRows * plane.blockSize;
  const line = (row: number) => plane.samples + (row % held) * stride;
  const halfColumns = across * 2 === frame.maxH;
  const halfRows = down * 2 === frame.maxV;
  const fullColumns = across === frame.maxH;
  const fullRows = down === frame.maxV;
  if (fullColumns && fullRows) return line;
  const wide = kernels.allocate(Math.max(frame.width, 2 * width));
  if (!(fullColumns || halfColumns) || !(fullRows || halfRows)) {
    return (y) => repeatRow(kernels, line(Math.floor((y * down) / frame.maxV)), wide, plane, frame);
  }
  const farther = (y: number) =>
    line(Math.max(0, Math.min(plane.height - 1, (y >> 1) + (y % 2 === 0 ? -1 : 1))));
  if (fullColumns) {
    return (y) => {
      run.mixRows(line(y >> 1), farther(y), wide, width, 1 + (y & 1));
      return wide;
    };
  }
  const sums = kernels.allocate(width * 2 + 2);
  return (y) => {
    if (fullRows) run.widenRow(line(y), sums, width);
    else run.spreadRows(line(y >> 1), farther(y), sums, width);
    run.spreadColumns(sums, wide, width, fullRows ? 1 : 4);
    return wide;
  };
}

function repeatRow(
  kernels: JpegKernels,
  line: number,
  wide: number,
  { across, stride }: Plane,
  { width, maxH }: Frame,
): number {
  const from = kernels.view(line, stride);
  const to = kernels.view(wide, width);
  for (let x = 0; x < width; x++) to[x] = from[Math.floor((x * across) / maxH)];
  return wide;
}

/** Converts a row of components to RGBA. */
type Converter = (components: readonly number[], to: number) => void;

function converterFor(
  { components, jfif, adobeTransform }: JpegHeader,
  kernels: JpegKernels,
  width: number,
): Converter {
  const { run } = kernels;
  const fromYcc: Converter = ([luma, cb, cr], to) => run.yccRow(luma, cb, cr, to, width);
  const each = (convert: PixelConverter): Converter => {
    return (rows, to) =>
      convert(
        rows.map((row) => kernels.view(row, width)),
        kernels.view(to, width * 4),
      );
  };
  if (components.length === 1) return ([grey], to) => run.greyRow(grey, to, width);
  if (components.length === 4 && !adobeTransform) return each(fromCmyk);
  if (components.length === 4) {
    const darken = each(darkenByBlack);
    return (rows, to) => {
      fromYcc(rows, to);
      darken(rows, to);
    };
  }
  if (jfif) return fromYcc;
  const names = String.fromCharCode(...components.map(({ id }) => id));
  const rgb = adobeTransform === undefined ? names === "RGB" : adobeTransform === 0;
  return rgb ? each(fromRgb) : fromYcc;
}

/** As `Converter`, for what is rare. */
type PixelConverter = (components: readonly Uint8ClampedArray[], out: Uint8ClampedArray) => void;

const fromRgb: PixelConverter = ([red, green, blue], out) => {
  for (let x = 0, at = 0; x < red.length; x++, at += 4) {
    out[at] = red[x];
    out[at + 1] = green[x];
    out[at + 2] = blue[x];
    out[at + 3] = 255;
  }
};

/** Inks are stored inverted, 255 for none, as Adobe does: viewers take them so without its marker too. */
const fromCmyk: PixelConverter = ([c, m, y, k], out) => {
  for (let x = 0, at = 0; x < k.length; x++, at += 4) {
    out[at] = (c[x] * k[x]) / 255;
    out[at + 1] = (m[x] * k[x]) / 255;
    out[at + 2] = (y[x] * k[x]) / 255;
    out[at + 3] = 255;
  }
};

/** YCCK: YCbCr of the inverted inks' complement, and black. */
const darkenByBlack: PixelConverter = ([, , , k], out) => {
  for (let x = 0, at = 0; x < k.length; x++, at += 4) {
    for (let i = at; i < at + 3; i++) out[i] = ((255 - out[i]) * k[x]) / 255;
  }
};
