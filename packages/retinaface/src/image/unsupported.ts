import { ImageError } from "../errors.js";
import type { ImageFormat } from "./format.js";

const NAMES: Partial<Record<ImageFormat, string>> = {
  webp: "WebP",
  heic: "HEIC",
  avif: "AVIF",
  jxl: "JPEG XL",
  gif: "GIF",
  bmp: "BMP",
  tiff: "TIFF",
};

/** The error for a file that is neither JPEG nor PNG. */
export function unsupportedFormat(format: ImageFormat, bytes: Uint8Array): ImageError {
  const name = NAMES[format];
  if (name !== undefined) {
    return new ImageError(
      "IMAGE_UNSUPPORTED",
      `${name} is not decoded here: convert it to JPEG or PNG (with ImageMagick: ` +
        "magick photo photo.png), or pass its pixels as { data, width, height }",
    );
  }
  const start = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, "0"));
  return new ImageError(
    "IMAGE_UNSUPPORTED",
    `not an image in a known format (it starts with ${start.join(" ")}): use JPEG or PNG`,
  );
}
