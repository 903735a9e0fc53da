/** Image formats told apart by their first bytes. */
export type ImageFormat =
  | "jpeg"
  | "png"
  | "webp"
  | "heic"
  | "avif"
  | "jxl"
  | "gif"
  | "bmp"
  | "tiff"
  | "unknown";

const text = (bytes: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...bytes.subarray(from, to));

const startsWith = (bytes: Uint8Array, prefix: readonly number[]): boolean =>
  prefix.every((value, i) => bytes[i] === value);

const SIGNATURES: readonly (readonly [ImageFormat, readonly number[]])[] = [
  ["png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["jpeg", [0xff, 0xd8]],
  ["gif", [0x47, 0x49, 0x46, 0x38]],
  ["bmp", [0x42, 0x4d]],
  ["tiff", [0x49, 0x49, 0x2a, 0x00]],
  ["tiff", [0x4d, 0x4d, 0x00, 0x2a]],
  ["jxl", [0xff, 0x0a]],
  ["jxl", [0x00, 0x00, 0x00, 0x0c, 0x4a, 0x58, 0x4c, 0x20]],
];

/** The major brand, then the compatible brands, of an ISO base media file. */
function brands(bytes: Uint8Array): string[] {
  const size = Math.min(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), bytes.length);
  const found = [text(bytes, 8, 12)];
  for (let at = 16; at + 4 <= size && found.length < 32; at += 4) {
    found.push(text(bytes, at, at + 4));
  }
  return found;
}

function mediaFormat(bytes: Uint8Array): ImageFormat {
  const found = brands(bytes);
  if (found.some((brand) => brand === "avif" || brand === "avis")) return "avif";
  if (found.some((brand) => /^(hei|hev|mif1|msf1)/.test(brand))) return "heic";
  return "unknown";
}

/** Tells an image format by content; file names play no part. */
export function sniffFormat(bytes: Uint8Array): ImageFormat {
  if (text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 12) === "WEBP") return "webp";
  if (bytes.length >= 12 && text(bytes, 4, 8) === "ftyp") return mediaFormat(bytes);
  return SIGNATURES.find(([, prefix]) => startsWith(bytes, prefix))?.[0] ?? "unknown";
}
