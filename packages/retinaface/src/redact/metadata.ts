/**
 * What of a file's metadata goes over into a redacted copy. Always: the colour profile, without which colours change. With
 * `keep`: what is text or numbers about the photo. Never: what may show the face again, which is the EXIF thumbnail and
 * makers' notes, XMP (may hold previews and depth pictures), the pictures of a multi-picture file, and Photoshop's
 * resources (a thumbnail among them). Nor what follows the end of the picture.
 */
import { crc32 } from "@retinaface-webgpu/tensor/inference";
import { MARKER, nextSegment } from "../image/jpeg/header.js";
import { chunkAt, type PngChunk } from "../image/png/header.js";
import { beginsJpeg, cleanExif } from "./exif.js";

/** A piece of a file: a segment of a JPEG with its marker and length, or a chunk of a PNG whole. */
type Piece = Uint8Array;

const latin = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to));

const [APP2, COMMENT] = [0xe2, 0xfe];
const PICTURE: ReadonlySet<number> = new Set([MARKER.SOS, MARKER.EOI]);
/** Of a segment's marker and length. */
const HEAD_BYTES = 4;

/** @returns the segments to put behind the first marker of a JPEG whose pixels are red, green and blue */
export function jpegMetadata(file: Uint8Array, keep: boolean): Piece[] {
  const pieces: Piece[] = [];
  const profile: Piece[] = [];
  let segment = nextSegment(file, 2);
  while (segment !== undefined && !PICTURE.has(segment.marker)) {
    const { marker, contents, end } = segment;
    const whole = file.subarray(end - contents.length - HEAD_BYTES, end);
    if (marker === APP2 && latin(contents, 0, 11) === "ICC_PROFILE") profile.push(whole);
    else {
      const piece = keptSegment(whole, marker, keep);
      if (piece) pieces.push(piece);
    }
    segment = nextSegment(file, end);
  }
  return isRgbProfile(profile[0]) ? [...pieces, ...profile] : pieces;
}

/** Of four inks or of grey a profile does not fit what is written. */
function isRgbProfile(first: Piece | undefined): boolean {
  const colourSpace = 18 + 16;
  return first !== undefined && latin(first, colourSpace, colourSpace + 4) === "RGB ";
}

function keptSegment(segment: Uint8Array, marker: number, keep: boolean): Piece | undefined {
  if (!keep) return undefined;
  if (marker === COMMENT) return beginsJpeg(segment) ? undefined : segment;
  if (marker !== MARKER.APP1 || latin(segment, 4, 8) !== "Exif") return undefined;
  const header = 10;
  const exif = cleanExif(segment.subarray(header));
  return exif && joined([segment.subarray(0, header), exif]);
}

/** A JPEG without metadata with segments in front, behind its JFIF header. */
export function withJpegMetadata(jpeg: Uint8Array, pieces: readonly Piece[]): Uint8Array {
  const jfif = jpeg[3] === 0xe0 ? 4 + jpeg[4] * 256 + jpeg[5] : 2;
  return joined([jpeg.subarray(0, jfif), ...pieces, jpeg.subarray(jfif)]);
}

const PNG_SIGNATURE = 8;
/** Colours and size; then words about the picture. */
const PNG_COLOURS: ReadonlySet<string> = new Set(["iCCP", "sRGB", "gAMA", "cHRM", "cICP", "pHYs"]);
const PNG_TEXTS: ReadonlySet<string> = new Set(["tEXt", "zTXt", "iTXt", "tIME"]);
/** Keywords of texts that hold other metadata: XMP, and EXIF as ImageMagick writes it. */
const PNG_HIDDEN = /^(XML:com\.adobe\.xmp|Raw profile type )/;

/** @returns the chunks to put behind the header of a PNG whose pixels are red, green and blue */
export function pngMetadata(file: Uint8Array, keep: boolean): Piece[] {
  const grey = (file[PNG_SIGNATURE + 17] & 2) === 0;
  const isKept = ({ type, contents }: PngChunk) =>
    (PNG_COLOURS.has(type) && !(grey && type === "iCCP")) ||
    (keep && PNG_TEXTS.has(type) && !PNG_HIDDEN.test(latin(contents, 0, 32)));
  return pngPieces(file, (chunk) => isKept(chunk) && chunk.sumIsRight(crc32));
}

/** How many pictures an animated PNG says that it has; 1 for any other. */
export function pngFrames(file: Uint8Array): number {
  const [control] = pngPieces(file, ({ type, contents }) => type === "acTL" && contents.length > 3);
  return control ? new DataView(control.buffer, control.byteOffset + 8).getUint32(0) : 1;
}

/** Whole chunks, in their order. */
function pngPieces(file: Uint8Array, wanted: (chunk: PngChunk) => boolean): Piece[] {
  const pieces: Piece[] = [];
  let at = PNG_SIGNATURE;
  for (let chunk = chunkAt(file, at); chunk?.whole; chunk = chunkAt(file, at)) {
    if (wanted(chunk)) pieces.push(file.subarray(at, chunk.end));
    if (chunk.type === "IEND") break;
    at = chunk.end;
  }
  return pieces;
}

/** A PNG's picture, with chunks in front of its pixels in place of those that its encoder put in. */
export function withPngMetadata(png: Uint8Array, pieces: readonly Piece[]): Uint8Array {
  const [header, ...picture] = pngPieces(png, ({ type }) => type < "a");
  return joined([png.subarray(0, PNG_SIGNATURE), header, ...pieces, ...picture]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
