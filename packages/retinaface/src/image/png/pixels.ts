import type { RawImage } from "../../types.js";
import { type UprightLayout, uprightLayout } from "../orient.js";
import { checkHeldBytes, type ImageLimits } from "../raw.js";
import type { Warnings } from "../warnings.js";
import { corruptPng, type PngHeader, type PngPass, pngPasses } from "./header.js";

type Pixels = Uint8Array | Uint8ClampedArray;

/** Bytes of the pixels before compression. */
export function pngRawBytes(header: PngHeader): number {
  return pngPasses(header).reduce((sum, pass) => sum + pass.rows * (1 + pass.rowBytes), 0);
}

/**
 * Makes RGBA of a PNG's decompressed pixels as they come (PNG, ISO/IEC 15948, clauses 8 and 9: Adam7
 * passes, filtered rows), put upright: nothing is held but the pixels and two rows. 16-bit samples are
 * rounded to 8, grey is spread over the colours, alpha is kept as it is.
 */
export class PngPixels {
  readonly image: RawImage;
  readonly #header: PngHeader;
  readonly #layout: UprightLayout;
  readonly #passes: PngPass[];
  readonly #writeRow: RowWriter;
  #pass = 0;
  #row = 0;
  /** The row that is coming, its filter first, and the one above it. */
  #line: Uint8Array;
  #above: Uint8Array;
  #filled = 0;

  constructor(header: PngHeader, limits: ImageLimits, warnings: Warnings) {
    const { width, height } = header;
    this.#header = header;
    this.#passes = pngPasses(header);
    const longest = 1 + Math.max(...this.#passes.map(({ rowBytes }) => rowBytes));
    checkHeldBytes(width * height * 4 + 2 * longest, limits);
    this.#layout = uprightLayout(width, height, header.orientation);
    this.image = {
      data: new Uint8Array(width * height * 4),
      width: this.#layout.width,
      height: this.#layout.height,
    };
    this.#writeRow = rowWriter(header, this.image.data, warnings);
    this.#line = new Uint8Array(longest);
    this.#above = new Uint8Array(longest);
  }

  /** Whether all rows are there. */
  get whole(): boolean {
    return this.#pass === this.#passes.length;
  }

  /**
   * Takes the next decompressed bytes; more than the image needs are left.
   *
   * @throws ImageError IMAGE_CORRUPT for a filter that does not exist or a palette that is not there.
   */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.whole; ) {
      const rowBytes = 1 + this.#passes[this.#pass].rowBytes;
      const part = bytes.subarray(at, at + rowBytes - this.#filled);
      this.#line.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === rowBytes) this.#finishRow();
    }
  }

  #finishRow(): void {
    const pass = this.#passes[this.#pass];
    const { depth, channels } = this.#header;
    const line = this.#line.subarray(1, this.#filled);
    const above = this.#above.subarray(1, this.#filled);
    unfilter(this.#line[0], line, above, Math.max(1, (depth * channels) >> 3));
    const { start, right, down } = this.#layout;
    const first = start + (pass.y + this.#row * pass.stepY) * down + pass.x * right;
    this.#writeRow(line, pass.columns, first * 4, pass.stepX * right * 4);
    [this.#line, this.#above] = [this.#above, this.#line];
    this.#filled = 0;
    if (++this.#row < pass.rows) return;
    this.#above.fill(0);
    this.#row = 0;
    this.#pass++;
  }
}

function unfilter(filter: number, line: Uint8Array, above: Uint8Array, pixelBytes: number): void {
  const bytes = line.length;
  switch (filter) {
    case 0:
      return;
    case 1:
      for (let i = pixelBytes; i < bytes; i++) line[i] += line[i - pixelBytes];
      return;
    case 2:
      for (let i = 0; i < bytes; i++) line[i] += above[i];
      return;
    case 3:
      for (let i = 0; i < bytes; i++) {
        line[i] += ((i < pixelBytes ? 0 : line[i - pixelBytes]) + above[i]) >> 1;
      }
      return;
    case 4:
      for (let i = 0; i < bytes; i++) {
        const left = i < pixelBytes ? 0 : line[i - pixelBytes];
        const corner = i < pixelBytes ? 0 : above[i - pixelBytes];
        line[i] += paeth(left, above[i], corner);
      }
      return;
    default:
      throw corruptPng(`a row has the filter ${filter}`);
  }
}

function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

/** Writes a row's pixels from `start` on, `step` bytes apart. */
type RowWriter = (line: Uint8Array, columns: number, start: number, step: number) => void;

/** Chooses how rows of this kind of PNG become RGBA. */
function rowWriter(header: PngHeader, data: Pixels, warnings: Warnings): RowWriter {
  const samples = sampleReader(header.depth);
  if (header.palette !== undefined) return paletteWriter(header, samples, data, warnings);
  const { channels, depth } = header;
  const grey = channels <= 2;
  const alpha = channels % 2 === 0;
  const key = colourKey(header);
  const to8 = eightBit(depth);
  return (line, columns, start, step) => {
    for (let x = 0, s = 0, at = start; x < columns; x++, s += channels, at += step) {
      const red = samples(line, s);
      const green = grey ? red : samples(line, s + 1);
      const blue = grey ? red : samples(line, s + 2);
      data[at] = to8(red);
      data[at + 1] = to8(green);
      data[at + 2] = to8(blue);
      if (alpha) data[at + 3] = to8(samples(line, s + channels - 1));
      else data[at + 3] = key?.[0] === red && key[1] === green && key[2] === blue ? 0 : 255;
    }
  };
}

/** An index that the palette does not have is shown black, as libpng does. */
function paletteWriter(
  header: PngHeader,
  samples: SampleReader,
  data: Pixels,
  warnings: Warnings,
): RowWriter {
  const { palette = new Uint8Array(), transparency = new Uint8Array() } = header;
  const entries = Math.floor(palette.length / 3);
  const colours = new Uint8Array(256 * 3);
  colours.set(palette.subarray(0, Math.min(entries * 3, colours.length)));
  return (line, columns, start, step) => {
    let highest = 0;
    for (let x = 0, at = start; x < columns; x++, at += step) {
      const index = samples(line, x);
      if (index > highest) highest = index;
      data[at] = colours[index * 3];
      data[at + 1] = colours[index * 3 + 1];
      data[at + 2] = colours[index * 3 + 2];
      data[at + 3] = transparency[index] ?? 255;
    }
    if (highest < entries) return;
    if (entries === 0) throw corruptPng(`a pixel has colour ${highest} of 0`);
    warnings.add("a row has colours that its palette has not: they are black");
  };
}

type SampleReader = (line: Uint8Array, index: number) => number;

function sampleReader(depth: number): SampleReader {
  if (depth === 8) return (line, index) => line[index];
  if (depth === 16) return (line, index) => (line[index * 2] << 8) | line[index * 2 + 1];
  const mask = 2 ** depth - 1;
  return (line, index) => {
    const bit = index * depth;
    return (line[bit >> 3] >> (8 - depth - (bit & 7))) & mask;
  };
}

function eightBit(depth: number): (sample: number) => number {
  if (depth === 8) return (sample) => sample;
  if (depth === 16) return (sample) => (sample * 255 + 32895) >>> 16;
  const scale = 255 / (2 ** depth - 1);
  return (sample) => sample * scale;
}

/** The colour that counts as transparent, where there is one: three samples. */
function colourKey({ transparency, channels }: PngHeader): number[] | undefined {
  const samples = channels === 1 ? [0, 0, 0] : [0, 1, 2];
  if (transparency === undefined || channels % 2 === 0) return undefined;
  if (transparency.length < channels * 2) throw corruptPng("its transparent colour is cut off");
  return samples.map((n) => (transparency[n * 2] << 8) | transparency[n * 2 + 1]);
}
