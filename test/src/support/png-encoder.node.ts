import { crc32, deflateSync } from "node:zlib";

/** A PNG's parts, written as they are: nothing is checked. */
export interface PngOptions {
  width: number;
  height: number;
  depth: number;
  colourType: number;
  interlaced?: boolean;
  /** Filter of each row, in turn. */
  filters?: number[];
  /** The samples of a pixel, `channels` of them. */
  sample: (x: number, y: number, channel: number) => number;
  /** Further chunks between header and data. */
  chunks?: [type: string, contents: Uint8Array][];
}

export const CHANNELS: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

export function pngChunk(type: string, contents: Uint8Array): Buffer {
  const chunk = Buffer.alloc(12 + contents.length);
  chunk.writeUInt32BE(contents.length, 0);
  chunk.write(type, 4, "latin1");
  chunk.set(contents, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + contents.length)), 8 + contents.length);
  return chunk;
}

export function pngHeaderChunk({
  width,
  height,
  depth,
  colourType,
  interlaced,
}: Omit<PngOptions, "sample">): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, interlaced ? 1 : 0], 8);
  return pngChunk("IHDR", header);
}

export const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Rows of the passes, each a list of pixel positions. */
function* rowsOf({
  width,
  height,
  interlaced,
}: PngOptions): Generator<{ pass: number; pixels: [number, number][] }> {
  const order = [
    "16462646",
    "77777777",
    "56565656",
    "77777777",
    "36463646",
    "77777777",
    "56565656",
  ];
  order.push("77777777");
  for (let pass = interlaced ? 1 : 0; pass <= (interlaced ? 7 : 0); pass++) {
    for (let y = 0; y < height; y++) {
      const row: [number, number][] = [];
      for (let x = 0; x < width; x++) {
        if (pass === 0 || Number(order[y % 8][x % 8]) === pass) row.push([x, y]);
      }
      if (row.length > 0) yield { pass, pixels: row };
    }
  }
}

function packRow(options: PngOptions, row: [number, number][]): number[] {
  const { depth, colourType, sample } = options;
  let bits = "";
  for (const [x, y] of row) {
    for (let c = 0; c < CHANNELS[colourType]; c++) {
      bits += sample(x, y, c).toString(2).padStart(depth, "0");
    }
  }
  const bytes: number[] = [];
  for (let i = 0; i < bits.length; i += 8) {
    bytes.push(Number.parseInt(bits.slice(i, i + 8).padEnd(8, "0"), 2));
  }
  return bytes;
}

function predict(filter: number, a: number, b: number, c: number): number {
  if (filter === 1) return a;
  if (filter === 2) return b;
  if (filter === 3) return (a + b) >> 1;
  if (filter !== 4) return 0;
  const p = a + b - c;
  const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

/** The filtered rows before compression. */
export function pngRows(options: PngOptions): Buffer {
  const { depth, colourType, filters = [0], width } = options;
  const step = Math.max(1, (depth * CHANNELS[colourType]) >> 3);
  const rows: number[] = [];
  let above: number[] = [];
  let n = 0;
  let lastPass = 0;
  for (const { pass, pixels } of rowsOf(options)) {
    const line = packRow(options, pixels);
    if (pass !== lastPass) above = [];
    lastPass = pass;
    const filter = filters[n++ % filters.length];
    rows.push(filter);
    for (const [i, value] of line.entries()) {
      const prediction = predict(filter, line[i - step] ?? 0, above[i] ?? 0, above[i - step] ?? 0);
      rows.push((value - prediction) & 255);
    }
    above = line;
  }
  if (width === 0) rows.length = 0;
  return Buffer.from(rows);
}

/** A PNG around compressed data. */
export function pngAround(options: PngOptions, data: Uint8Array): Buffer {
  const half = data.length >> 1;
  return Buffer.concat([
    PNG_SIGNATURE,
    pngHeaderChunk(options),
    ...(options.chunks ?? []).map(([type, contents]) => pngChunk(type, contents)),
    pngChunk("IDAT", data.subarray(0, half)),
    pngChunk("IDAT", data.subarray(half)),
    pngChunk("IEND", new Uint8Array()),
  ]);
}

/** Encodes samples as a PNG of any colour type and depth. */
export function encodePng(options: PngOptions): Buffer {
  return pngAround(options, deflateSync(pngRows(options)));
}
