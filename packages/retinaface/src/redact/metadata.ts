/**
 * What of a file's metadata goes over into a redacted copy. Always: the colour profile, without which colours change. With
 * `keep`: what is text or numbers about the photo. Never: what may show the face again, which is the EXIF thumbnail and
 * makers' notes, XMP (may hold previews and depth pictures), the pictures of a multi-picture file, and Photoshop's
 * resources (a thumbnail among them). Nor what follows the end of the picture.
 */
import { cleanExif } from "./exif.js";

/** A piece of a file: a segment of a JPEG with its marker and length, or a chunk of a PNG whole. */
type Piece = Uint8Array;

const latin = (bytes: Uint8Array, from: number, to: number) =>
  String.fromCharCode(...bytes.subarray(from, to));

const MARKER = { app1: 0xe1, app2: 0xe2, comment: 0xfe, scan: 0xda, end: 0xd9 } as const;

/** @returns the segments to put behind the first marker of a JPEG whose pixels are red, green and blue */
export function jpegMetadata(file: Uint8Array, keep: boolean): Piece[] {
  const pieces: Piece[] = [];
  const profile: Piece[] = [];
  let at = 2;
  while (at + 4 <= file.length && file[at] === 0xff) {
    const marker = file[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === MARKER.scan || marker === MARKER.end) break;
    const end = at + 2 + file[at + 2] * 256 + file[at + 3];
    const segment = file.subarray(at, Math.min(end, file.length));
    if (marker === MARKER.app2 && latin(segment, 4, 15) === "ICC_PROFILE") profile.push(segment);
    else {
      const piece = keptSegment(segment, marker, keep);
      if (piece) pieces.push(piece);
    }
    at = end;
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
  if (marker === MARKER.comment) return segment;
  if (marker !== MARKER.app1 || latin(segment, 4, 8) !== "Exif") return undefined;
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
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const grey = (file[PNG_SIGNATURE + 17] & 2) === 0;
  const pieces: Piece[] = [];
  for (let at = PNG_SIGNATURE; at + 12 <= file.length; ) {
    const end = at + 12 + view.getUint32(at);
    const type = latin(file, at + 4, at + 8);
    if (type === "IEND" || end > file.length) break;
    const text = keep && PNG_TEXTS.has(type) && !PNG_HIDDEN.test(latin(file, at + 8, at + 40));
    const colours = PNG_COLOURS.has(type) && !(grey && type === "iCCP");
    if (colours || text) pieces.push(file.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** A PNG without metadata with chunks in front of its pixels. */
export function withPngMetadata(png: Uint8Array, pieces: readonly Piece[]): Uint8Array {
  const header = PNG_SIGNATURE + 25;
  return joined([png.subarray(0, header), ...pieces, png.subarray(header)]);
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
