import { ImageError } from "../../errors.js";
import { exifOrientation, type Orientation } from "../exif.js";
import { checkSize, type ImageLimits } from "../raw.js";

/** One component of the frame header. */
export interface JpegComponent {
  id: number;
  /** Sampling factors, 1..4. */
  h: number;
  v: number;
  /** Number of its quantisation table. */
  quantisation: number;
}

/** What a JPEG's markers say before its image data. */
export interface JpegHeader {
  width: number;
  height: number;
  orientation: Orientation;
  progressive: boolean;
  components: JpegComponent[];
  /** Whether JFIF's marker is there, by which three components are YCbCr. */
  jfif: boolean;
  /** Transform code of Adobe's APP14 segment: 0 none, 1 YCbCr, 2 YCCK. */
  adobeTransform?: number;
}

export const corruptJpeg = (what: string) =>
  new ImageError("IMAGE_CORRUPT", `damaged JPEG: ${what}; fetch or export the file again`);
export const cutOff = () => corruptJpeg("it is cut off (no end marker)");
const unsupported = (what: string) =>
  new ImageError(
    "IMAGE_UNSUPPORTED",
    `${what} JPEG is not decoded: save it as a baseline or progressive 8-bit JPEG, or as PNG`,
  );

export const MARKER = {
  APP0: 0xe0,
  APP1: 0xe1,
  APP14: 0xee,
  DHT: 0xc4,
  DQT: 0xdb,
  DRI: 0xdd,
  EOI: 0xd9,
  SOF0: 0xc0,
  SOS: 0xda,
  RST0: 0xd0,
  RST7: 0xd7,
};

const isStandalone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
const isFrame = (marker: number) =>
  (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) ||
  marker === JPEG_LS;
const JPEG_LS = 0xf7;

/** A marker segment: its contents without the two bytes of length, and where it ends. */
export interface Segment {
  marker: number;
  contents: Uint8Array;
  end: number;
}

/**
 * The first segment at or behind a position; entropy-coded data and stray bytes before it are
 * skipped. The end marker counts as a segment without contents; undefined where the file ends before.
 */
export function nextSegment(bytes: Uint8Array, from: number): Segment | undefined {
  let at = from;
  for (;;) {
    at = nextMarker(bytes, at);
    if (at < 0) return undefined;
    const marker = bytes[at + 1];
    at += 2;
    if (isStandalone(marker)) continue;
    if (marker === MARKER.EOI) return { marker, contents: bytes.subarray(at, at), end: at };
    const length = at + 2 > bytes.length ? 0 : (bytes[at] << 8) | bytes[at + 1];
    const end = at + length;
    return length < 2 || end > bytes.length
      ? undefined
      : { marker, contents: bytes.subarray(at + 2, end), end };
  }
}

/** Position of the next `FF xx` that is a marker, neither a stuffed zero nor a fill byte; else -1. */
export function nextMarker(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at >= 0 && at + 1 < bytes.length) {
    const next = bytes[at + 1];
    if (next !== 0x00 && next !== 0xff) return at;
    at = bytes.indexOf(0xff, at + (next === 0x00 ? 2 : 1));
  }
  return -1;
}

/** The segment that ends the picture, from a position on; undefined where there is none. */
export function endOf(bytes: Uint8Array, from = 2): Segment | undefined {
  let segment = nextSegment(bytes, from);
  while (segment !== undefined && segment.marker !== MARKER.EOI) {
    segment = nextSegment(bytes, segment.end);
  }
  return segment;
}

/** The file, with an end marker behind it where it does not end with one. */
export function withEndMarker(file: Uint8Array): Uint8Array {
  if (file.at(-2) === 0xff && file.at(-1) === MARKER.EOI) return file;
  const bytes = new Uint8Array(file.length + 2);
  bytes.set(file);
  bytes.set([0xff, MARKER.EOI], file.length);
  return bytes;
}

/**
 * Walks a JPEG's segments up to its first image data. Of several EXIF blocks the first counts.
 *
 * @throws ImageError IMAGE_CORRUPT when it ends before or its segments do not fit, IMAGE_UNSUPPORTED
 * for arithmetic, lossless, hierarchical or 12-bit coding, IMAGE_TOO_LARGE and IMAGE_EMPTY for its size.
 */
export function readJpegHeader(bytes: Uint8Array, limits?: ImageLimits): JpegHeader {
  let frame: Pick<JpegHeader, "width" | "height" | "progressive" | "components"> | undefined;
  let orientation: Orientation | undefined;
  let adobeTransform: number | undefined;
  let jfif = false;
  for (let at = 2; ; ) {
    const segment = nextSegment(bytes, at);
    if (segment === undefined) throw cutOff();
    const { marker, contents, end } = segment;
    if (isFrame(marker)) {
      if (frame !== undefined) throw corruptJpeg("it has two frame headers");
      frame = readFrame(marker, contents, limits);
    } else if (marker === MARKER.APP0) {
      jfif ||= startsWith(contents, "JFIF\0") && contents.length > 13;
    } else if (marker === MARKER.APP1 && startsWith(contents, "Exif\0\0")) {
      orientation ??= exifOrientation(contents.subarray(6));
    } else if (marker === MARKER.APP14 && startsWith(contents, "Adobe") && contents.length > 11) {
      adobeTransform = contents[11];
    } else if (marker === MARKER.SOS || marker === MARKER.EOI) {
      if (frame === undefined) throw corruptJpeg("it has no frame header");
      if (marker === MARKER.EOI) throw corruptJpeg("it has no image data");
      return { ...frame, orientation: orientation ?? 1, jfif, adobeTransform };
    }
    at = end;
  }
}

const startsWith = (contents: Uint8Array, name: string): boolean =>
  [...name].every((letter, i) => contents[i] === letter.charCodeAt(0));

const NO_JPEG_LS = "JPEG-LS is not decoded: save it as a baseline JPEG or as PNG";

function readFrame(marker: number, contents: Uint8Array, limits?: ImageLimits) {
  if (marker === JPEG_LS) throw new ImageError("IMAGE_UNSUPPORTED", NO_JPEG_LS);
  if (marker === 0xcb || marker === 0xcf) throw unsupported("lossless arithmetic-coded");
  if (marker >= 0xc9) throw unsupported("arithmetic-coded");
  if (marker === 0xc3 || marker === 0xc7) throw unsupported("lossless");
  if (marker > 0xc3) throw unsupported("hierarchical");
  const [depth, ...size] = contents.subarray(0, 5);
  const count = contents[5];
  if (contents.length !== 6 + 3 * count) throw corruptJpeg("its frame header has a wrong length");
  if (depth !== 8) throw unsupported(`${depth}-bit`);
  const height = (size[0] << 8) | size[1];
  const width = (size[2] << 8) | size[3];
  if (height === 0 && width > 0) throw unsupported("height-less (DNL)");
  checkSize(width, height, limits);
  if (count !== 1 && count !== 3 && count !== 4) throw unsupported(`${count}-component`);
  const components = Array.from({ length: count }, (_, n) =>
    readComponent(contents.subarray(6 + 3 * n)),
  );
  if (new Set(components.map(({ id }) => id)).size < count) {
    throw corruptJpeg("two components have the same number");
  }
  return { width, height, progressive: marker === 0xc2, components };
}

function readComponent([id, sampling, quantisation]: Uint8Array): JpegComponent {
  const h = sampling >> 4;
  const v = sampling & 15;
  if (h < 1 || h > 4 || v < 1 || v > 4) throw corruptJpeg("a sampling factor is out of range");
  return { id, h, v, quantisation };
}
