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

/** What a JPEG's markers say, read without decoding. */
export interface JpegHeader {
  width: number;
  height: number;
  orientation: Orientation;
  progressive: boolean;
  components: JpegComponent[];
  /** Transform code of Adobe's APP14 segment: 0 none, 1 YCbCr, 2 YCCK. */
  adobeTransform?: number;
}

export const corruptJpeg = (what: string) =>
  new ImageError("IMAGE_CORRUPT", `damaged JPEG: ${what}; fetch or export the file again`);
const unsupported = (what: string) =>
  new ImageError(
    "IMAGE_UNSUPPORTED",
    `${what} JPEG is not decoded: save it as a baseline or progressive 8-bit JPEG, or as PNG`,
  );

/** More scans than encoders write; each costs a pass over the whole image. */
const MAX_SCANS = 100;

export const MARKER = { APP1: 0xe1, APP14: 0xee, DHT: 0xc4, DQT: 0xdb, DRI: 0xdd, SOS: 0xda };
const END_OF_IMAGE = 0xd9;

const isStandalone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8);
const isFrame = (marker: number) =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** A marker segment: its contents without the two bytes of length, and where it ends. */
export interface Segment {
  marker: number;
  contents: Uint8Array;
  end: number;
}

/**
 * The segments up to the end marker; entropy-coded data between them are skipped.
 *
 * @throws ImageError IMAGE_CORRUPT when there is no end marker or a segment reaches behind the file.
 */
export function* jpegSegments(bytes: Uint8Array): Generator<Segment> {
  let at = 2;
  for (;;) {
    at = nextMarker(bytes, at) + 2;
    const marker = bytes[at - 1];
    if (marker === END_OF_IMAGE) return;
    if (isStandalone(marker)) continue;
    const length = at + 2 > bytes.length ? 0 : (bytes[at] << 8) | bytes[at + 1];
    if (length === 0 || at + length > bytes.length) throw cutOff();
    if (length < 2) throw corruptJpeg("a segment has no length");
    const end = at + length;
    yield { marker, contents: bytes.subarray(at + 2, end), end };
    at = end;
  }
}

const cutOff = () => corruptJpeg("it is cut off (no end marker)");

/** Position of the next `FF xx` that is a marker: neither a stuffed zero nor a fill byte. */
function nextMarker(bytes: Uint8Array, from: number): number {
  let at = bytes.indexOf(0xff, from);
  while (at >= 0 && at + 1 < bytes.length) {
    const next = bytes[at + 1];
    if (next !== 0x00 && next !== 0xff) return at;
    at = bytes.indexOf(0xff, at + (next === 0x00 ? 2 : 1));
  }
  throw cutOff();
}

/**
 * Walks a JPEG's segments up to its end.
 *
 * @throws ImageError IMAGE_CORRUPT when it is cut off (no end marker) or its segments do not fit,
 * IMAGE_UNSUPPORTED for arithmetic, lossless, hierarchical or 12-bit coding, IMAGE_TOO_LARGE and
 * IMAGE_EMPTY for its size.
 */
export function readJpegHeader(bytes: Uint8Array, limits?: ImageLimits): JpegHeader {
  let frame: Pick<JpegHeader, "width" | "height" | "progressive" | "components"> | undefined;
  let orientation: Orientation = 1;
  let adobeTransform: number | undefined;
  let scans = 0;
  for (const { marker, contents } of jpegSegments(bytes)) {
    if (isFrame(marker)) {
      if (frame !== undefined) throw corruptJpeg("it has two frame headers");
      frame = readFrame(marker, contents, limits);
    } else if (marker === MARKER.APP1 && startsWith(contents, "Exif\0\0")) {
      if (orientation === 1) orientation = exifOrientation(contents.subarray(6));
    } else if (marker === MARKER.APP14 && startsWith(contents, "Adobe") && contents.length > 11) {
      adobeTransform = contents[11];
    } else if (marker === MARKER.SOS && ++scans > MAX_SCANS) {
      throw corruptJpeg(`it has more than ${MAX_SCANS} scans`);
    }
  }
  if (frame === undefined) throw corruptJpeg("it has no frame header");
  if (scans === 0) throw corruptJpeg("it has no image data");
  return { ...frame, orientation, adobeTransform };
}

const startsWith = (contents: Uint8Array, name: string): boolean =>
  [...name].every((letter, i) => contents[i] === letter.charCodeAt(0));

function readFrame(marker: number, contents: Uint8Array, limits?: ImageLimits) {
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
