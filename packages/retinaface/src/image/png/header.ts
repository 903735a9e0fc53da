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
  /** Position of the first IDAT chunk. */
  dataStart: number;
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

export const corruptPng = (what: string) =>
  new ImageError("IMAGE_CORRUPT", `damaged PNG: ${what}; fetch or export the file again`);

const APPLE =
  "a PNG in Apple's own form (CgBI, as Xcode puts into apps) is not decoded: turn it back with " +
  "`xcrun pngcrush -revert-iphone-optimizations in.png out.png`";

/** A chunk whose contents may reach behind the end of the file. */
export interface PngChunk {
  type: string;
  contents: Uint8Array;
  /** Position behind its checksum. */
  end: number;
  /** Whether the whole of it is there. */
  whole: boolean;
  sumIsRight(crc32: (bytes: Uint8Array) => number): boolean;
}

/** The chunk at a position, or undefined at the end of the file. */
export function chunkAt(bytes: Uint8Array, at: number): PngChunk | undefined {
  if (at + 8 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const close = at + 8 + view.getUint32(at);
  return {
    type: String.fromCharCode(...bytes.subarray(at + 4, at + 8)),
    contents: bytes.subarray(at + 8, close),
    end: close + 4,
    whole: close + 4 <= bytes.length,
    sumIsRight: (crc32) => crc32(bytes.subarray(at + 4, close)) === view.getUint32(close),
  };
}

/** Chunks with a small first letter are ancillary: a picture is the same without them. */
const isAncillary = (type: string) => type >= "a";
/** Ancillary chunks that are looked at. */
const USED = new Set(["eXIf", "tRNS"]);

/**
 * Walks a PNG's chunks up to its end. Wrong checksums are an error in critical chunks; an ancillary one
 * that has one is passed over. Those of the image data are compared as they are read.
 *
 * @param cutAllowed whether a file may end before its end chunk.
 * @throws ImageError IMAGE_CORRUPT when it is cut off or its header is out of order, IMAGE_UNSUPPORTED for
 * Apple's CgBI, IMAGE_TOO_LARGE and IMAGE_EMPTY for its size.
 */
export function readPngHeader(
  bytes: Uint8Array,
  limits?: ImageLimits,
  cutAllowed = false,
): PngHeader {
  let header: PngHeader | undefined;
  for (let at = SIGNATURE_BYTES; ; ) {
    const chunk = chunkAt(bytes, at);
    if (chunk?.type === "CgBI") throw new ImageError("IMAGE_UNSUPPORTED", APPLE);
    if (chunk !== undefined) header ??= readStart(chunk, limits);
    if (header === undefined || (!chunk?.whole && !cutAllowed)) throw corruptPng("it is cut off");
    if (chunk?.whole || chunk?.type === "IDAT") readChunk(chunk, at, header);
    if (!chunk?.whole || chunk.type === "IEND") {
      if (header.dataStart === 0) throw corruptPng("it has no image data");
      return header;
    }
    at = chunk.end;
  }
}

function readStart({ type, contents }: PngChunk, limits?: ImageLimits): PngHeader {
  if (type !== "IHDR" || contents.length !== 13) {
    throw corruptPng("it does not start with its header");
  }
  const view = new DataView(contents.buffer, contents.byteOffset, contents.byteLength);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  checkSize(width, height, limits);
  const [depth, colourType, compression, filter, interlace] = contents.subarray(8);
  const [channels, ...depths] = COLOUR_TYPES[colourType] ?? [0];
  if (!depths.includes(depth) || compression !== 0 || filter !== 0 || interlace > 1) {
    throw corruptPng("its header has values that no PNG has");
  }
  const header = { width, height, depth, channels, interlaced: interlace === 1 };
  const palette = colourType === 3 ? new Uint8Array() : undefined;
  return { ...header, palette, orientation: 1, dataStart: 0 };
}

function readChunk(chunk: PngChunk, at: number, header: PngHeader): void {
  const { type, contents } = chunk;
  if (type === "IDAT") {
    header.dataStart ||= at;
    return;
  }
  if (isAncillary(type) && !USED.has(type)) return;
  if (!chunk.sumIsRight(crc32)) {
    if (isAncillary(type)) return;
    throw corruptPng(`the checksum of its ${type} chunk is wrong`);
  }
  if (type === "eXIf") header.orientation = exifOrientation(contents);
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
