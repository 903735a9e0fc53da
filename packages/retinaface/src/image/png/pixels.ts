import { ImageError } from "../../errors.js";
import type { RawImage } from "../../types.js";
import { type PngHeader, type PngPass, pngPasses } from "./header.js";

const corrupt = (what: string) => new ImageError("IMAGE_CORRUPT", `damaged PNG: ${what}`);

/** Bytes of the pixels before compression. */
export function pngRawBytes(header: PngHeader): number {
  return pngPasses(header).reduce((sum, pass) => sum + pass.rows * (1 + pass.rowBytes), 0);
}

/**
 * RGBA of a PNG's decompressed pixels (PNG, ISO/IEC 15948, clauses 8 and 9: Adam7 passes, filtered
 * rows). 16-bit samples are rounded to 8, grey is spread over the colours, alpha is kept as it is.
 *
 * @param raw `pngRawBytes(header)` bytes; changed in place.
 * @throws ImageError IMAGE_CORRUPT when it is too short, or for a filter or palette entry that is not there.
 */
export function pngPixels(header: PngHeader, raw: Uint8Array): RawImage {
  if (raw.length < pngRawBytes(header)) throw corrupt("it has too little image data");
  const { width, height } = header;
  const data = new Uint8Array(width * height * 4);
  const pixelBytes = Math.max(1, (header.depth * header.channels) >> 3);
  const writeRow = rowWriter(header, data);
  let at = 0;
  for (const pass of pngPasses(header)) {
    let above: Uint8Array = new Uint8Array(pass.rowBytes);
    for (let row = 0; row < pass.rows; row++) {
      const line = raw.subarray(at + 1, at + 1 + pass.rowBytes);
      unfilter(raw[at], line, above, pixelBytes);
      const first = (pass.y + row * pass.stepY) * width + pass.x;
      writeRow(line, pass, first * 4);
      above = line;
      at += 1 + pass.rowBytes;
    }
  }
  return { data, width, height };
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
      throw corrupt(`a row has the filter ${filter}`);
  }
}

function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

type RowWriter = (line: Uint8Array, pass: PngPass, at: number) => void;

/** Chooses how rows of this kind of PNG become RGBA. */
function rowWriter(header: PngHeader, data: Uint8Array): RowWriter {
  const samples = sampleReader(header.depth);
  if (header.palette !== undefined) return paletteWriter(header, samples, data);
  const { channels, depth } = header;
  const grey = channels <= 2;
  const alpha = channels % 2 === 0;
  const key = colourKey(header);
  const to8 = eightBit(depth);
  return (line, pass, start) => {
    const step = pass.stepX * 4;
    for (let x = 0, s = 0, at = start; x < pass.columns; x++, s += channels, at += step) {
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

function paletteWriter(header: PngHeader, samples: SampleReader, data: Uint8Array): RowWriter {
  const { palette = new Uint8Array(), transparency = new Uint8Array() } = header;
  const entries = Math.floor(palette.length / 3);
  return (line, pass, start) => {
    for (let x = 0, at = start; x < pass.columns; x++, at += pass.stepX * 4) {
      const index = samples(line, x);
      if (index >= entries) throw corrupt(`a pixel has colour ${index} of ${entries}`);
      data[at] = palette[index * 3];
      data[at + 1] = palette[index * 3 + 1];
      data[at + 2] = palette[index * 3 + 2];
      data[at + 3] = transparency[index] ?? 255;
    }
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
  if (transparency.length < channels * 2) throw corrupt("its transparent colour is cut off");
  return samples.map((n) => (transparency[n * 2] << 8) | transparency[n * 2 + 1]);
}
