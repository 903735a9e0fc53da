import { ImageError } from "../errors.js";
import type { ImageFormat } from "./format.js";

/** Formats that are known by name but not decoded by our own code. */
export const FORMAT_NAMES: Partial<Record<ImageFormat, string>> = {
  webp: "WebP",
  heic: "HEIC",
  avif: "AVIF",
  jxl: "JPEG XL",
  gif: "GIF",
  bmp: "BMP",
  tiff: "TIFF",
};

/** Those that sharp decodes: HEIC in builds of its own only. */
export const SHARP_FORMATS: ReadonlySet<ImageFormat> = new Set([
  "webp",
  "heic",
  "avif",
  "gif",
  "tiff",
]);

/**
 * The error for a file that is neither JPEG nor PNG.
 * @param remedy what would decode it here, where something would
 */
export function unsupportedFormat(format: ImageFormat, bytes: Uint8Array, remedy = ""): ImageError {
  const name = FORMAT_NAMES[format];
  if (name !== undefined) {
    return new ImageError(
      "IMAGE_UNSUPPORTED",
      `${name} is not decoded here: ${remedy}convert it to JPEG or PNG (with ImageMagick: ` +
        "magick photo photo.png), or pass its pixels as { data, width, height }",
    );
  }
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  return new ImageError(
    "IMAGE_UNSUPPORTED",
    `not an image in a known format (it starts with ${start.join(" ")}): use JPEG or PNG`,
  );
}
