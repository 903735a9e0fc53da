import { crc32 } from "@retinaface-webgpu/tensor/inference";
import { ImageError } from "../../errors.js";
import { exifOrientation, type Orientation } from "../exif.js";
import { checkSize, type ImageLimits } from "../raw.js";

/** What a PNG's chunks say, read without decoding. */
export interface PngHeader {
  width: number;
  height: number;
  orientation: Orientation;
  /** Bits of a sample. */
  depth: number;
  /** Samples of a pixel. */
  channels: number;
  interlaced: boolean;
  /** Red, green, blue of each entry, for colour type 3. */
  palette?: Uint8Array;
  /** Contents of tRNS: alpha of palette entries, or the colour that is transparent. */
  transparency?: Uint8Array;
  /** The compressed pixels, one part for each IDAT chunk. */
  data: Uint8Array[];
}

const SIGNATURE_BYTES = 8;

/** Channels of each colour type, and the depths it may have. */
const COLOUR_TYPES: Readonly<Record<number, readonly [channels: number, ...depths: number[]]>> = {
  0: [1, 1, 2, 4, 8, 16],
  2: [3, 8, 16],
  3: [1, 1, 2, 4, 8],
  4: [2, 8, 16],
  6: [4, 8, 16],
};

const corrupt = (what: string) =>
  new ImageError("IMAGE_CORRUPT", `damaged PNG: ${what}; fetch or export the file again`);

/**
 * Walks a PNG's chunks up to its end. Checksums are compared, save those of the image data, which
 * has one of its own inside.
 *
 * @throws ImageError IMAGE_CORRUPT when it is cut off or its header is out of order, IMAGE_TOO_LARGE
 * and IMAGE_EMPTY for its size.
 */
export function readPngHeader(bytes: Uint8Array, limits?: ImageLimits): PngHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: PngHeader | undefined;
  for (let at = SIGNATURE_BYTES; ; ) {
    if (at + 8 > bytes.length) throw corrupt("it is cut off");
    const length = view.getUint32(at);
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const contents = bytes.subarray(at + 8, at + 8 + length);
    header ??= readStart(type, contents, limits);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw corrupt("it is cut off");
    if (type !== "IDAT" && crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw corrupt(`the checksum of its ${type} chunk is wrong`);
    }
    readChunk(type, contents, header);
    if (type === "IEND") break;
    at = end + 4;
  }
  if (header.data.length === 0) throw corrupt("it has no image data");
  return header;
}

function readStart(type: string, contents: Uint8Array, limits?: ImageLimits): PngHeader {
  if (type !== "IHDR" || contents.length !== 13) throw corrupt("it does not start with its header");
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  checkSize(width, height, limits);
  const [depth, colourType, compression, filter, interlace] = contents.subarray(8);
  const [channels, ...depths] = COLOUR_TYPES[colourType] ?? [0];
  if (!depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    throw corrupt("its header has values that no PNG has");
  }
  const header = { width, height, depth, channels, interlaced: interlace === 1 };
  const palette = colourType === 3 ? new Uint8Array() : undefined;
  return { ...header, palette, orientation: 1, data: [] };
}

function readChunk(type: string, contents: Uint8Array, header: PngHeader): void {
  if (type === "IDAT") header.data.push(contents);
  else if (type === "eXIf") header.orientation = exifOrientation(contents);
  else if (type === "tRNS") header.transparency = contents;
  else if (type === "PLTE" && header.palette !== undefined) header.palette = contents;
}

/** One pass over the image: a grid of pixels that are stored together. */
export interface PngPass {
  x: number;
  y: number;
  stepX: number;
  stepY: number;
  columns: number;
  rows: number;
  /** Bytes of a row, without the filter byte before it. */
  rowBytes: number;
}

/** First column, first row and steps of Adam7's seven passes. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** The passes that are not empty, in the order of their storage. */
export function pngPasses(header: PngHeader): PngPass[] {
  const grids = header.interlaced ? ADAM7 : ([[0, 0, 1, 1]] as const);
  return grids
    .map(([x, y, stepX, stepY]) => {
      const columns = Math.ceil(Math.max(0, header.width - x) / stepX);
      const rows = Math.ceil(Math.max(0, header.height - y) / stepY);
      const rowBytes = Math.ceil((columns * header.depth * header.channels) / 8);
      return { x, y, stepX, stepY, columns, rows, rowBytes };
    })
    .filter(({ columns, rows }) => columns > 0 && rows > 0);
}
