import { ImageError } from "../errors.js";
import { exifOrientation, type Orientation } from "./exif.js";
import { checkSize, type ImageLimits } from "./raw.js";

/** What a JPEG's markers say, read without decoding. */
export interface JpegHeader {
  width: number;
  height: number;
  orientation: Orientation;
  /** Component identifiers in the frame's order. */
  components: number[];
  /** Transform code of Adobe's APP14 segment: 0 none, 1 YCbCr, 2 YCCK. */
  adobeTransform?: number;
}

const corrupt = (what: string) =>
  new ImageError("IMAGE_CORRUPT", `damaged JPEG: ${what}; fetch or export the file again`);
const unsupported = (what: string) =>
  new ImageError(
    "IMAGE_UNSUPPORTED",
    `${what} JPEG is not decoded: save it as a baseline or progressive 8-bit JPEG, or as PNG`,
  );

/** More scans than any encoder writes; each costs a pass over the whole image. */
const MAX_SCANS = 256;

const isStandalone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7);
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/**
 * Walks a JPEG's markers up to its end, entropy-coded data skipped.
 *
 * @throws ImageError IMAGE_CORRUPT when it is cut off (no end marker) or its segments do not fit,
 * IMAGE_UNSUPPORTED for arithmetic, lossless, hierarchical or 12-bit coding, IMAGE_TOO_LARGE and
 * IMAGE_EMPTY for its size.
 */
export function readJpegHeader(bytes: Uint8Array, limits?: ImageLimits): JpegHeader {
  const header: Partial<JpegHeader> = { orientation: 1 };
  let scans = 0;
  let at = 2;
  for (;;) {
    at = nextMarker(bytes, at);
    const marker = bytes[at + 1];
    at += 2;
    if (marker === 0xd9) break;
    if (isStandalone(marker)) continue;
    const segment = readSegment(bytes, at);
    at += 2 + segment.length;
    if (isFrame(marker)) readFrame(marker, segment, header, limits);
    else if (marker === 0xe1) readExif(segment, header);
    else if (marker === 0xee) readAdobe(segment, header);
    else if (marker === 0xda && ++scans > MAX_SCANS) {
      throw corrupt(`more than ${MAX_SCANS} scans`);
    }
  }
  if (header.components === undefined) throw corrupt("it has no frame header");
  if (scans === 0) throw corrupt("it has no image data");
  return header as JpegHeader;
}

/** Position of the next `FF xx` that is a marker: neither a stuffed zero nor a fill byte. */
function nextMarker(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at >= 0 && at + 1 < bytes.length) {
    const next = bytes[at + 1];
    if (next !== 0x00 && next !== 0xff) return at;
    at = bytes.indexOf(0xff, at + (next === 0x00 ? 2 : 1));
  }
  throw corrupt("it is cut off (no end marker)");
}

/** A segment's contents, without its two bytes of length. */
function readSegment(bytes: Uint8Array, at: number): Uint8Array {
  const length = (bytes[at] << 8) | bytes[at + 1];
  if (at + 2 > bytes.length || at + length > bytes.length) throw corrupt("it is cut off");
  if (length < 2) throw corrupt("a segment has no length");
  return bytes.subarray(at + 2, at + length);
}

function readFrame(
  marker: number,
  segment: Uint8Array,
  header: Partial<JpegHeader>,
  limits?: ImageLimits,
): void {
  if (header.components !== undefined) throw corrupt("it has two frame headers");
  if (marker >= 0xc9) throw unsupported("arithmetic-coded");
  if (marker === 0xc3 || marker === 0xc7) throw unsupported("lossless");
  if (marker > 0xc3) throw unsupported("hierarchical");
  const count = segment[5];
  if (segment.length !== 6 + 3 * count) throw corrupt("its frame header has a wrong length");
  if (segment[0] !== 8) throw unsupported(`${segment[0]}-bit`);
  header.height = (segment[1] << 8) | segment[2];
  header.width = (segment[3] << 8) | segment[4];
  if (header.height === 0 && header.width > 0) throw unsupported("height-less (DNL)");
  checkSize(header.width, header.height, limits);
  if (count !== 1 && count !== 3 && count !== 4) throw unsupported(`${count}-component`);
  header.components = Array.from({ length: count }, (_, n) => segment[6 + 3 * n]);
  for (let n = 0; n < count; n++) {
    const sampling = segment[7 + 3 * n];
    const horizontal = sampling >> 4;
    const vertical = sampling & 15;
    if (horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4) {
      throw corrupt("a sampling factor is out of range");
    }
  }
}

const startsWith = (segment: Uint8Array, name: string): boolean =>
  [...name].every((letter, i) => segment[i] === letter.charCodeAt(0));

function readExif(segment: Uint8Array, header: Partial<JpegHeader>): void {
  if (header.orientation === 1 && startsWith(segment, "Exif\0\0")) {
    header.orientation = exifOrientation(segment.subarray(6));
  }
}

function readAdobe(segment: Uint8Array, header: Partial<JpegHeader>): void {
  if (segment.length >= 12 && startsWith(segment, "Adobe")) header.adobeTransform = segment[11];
}
