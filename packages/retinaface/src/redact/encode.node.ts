import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { ImageError } from "../errors.js";
import { sniffFormat } from "../image/format.js";
import type { RawImage } from "../types.js";
import { jpegMetadata, pngMetadata, withJpegMetadata, withPngMetadata } from "./metadata.js";

/** Of JPEG, 1 to 100: a copy of a copy still looks the same. */
const QUALITY = 95;

/**
 * Encodes pixels in the format of the file that they come from, upright, with no metadata but its colour profile.
 *
 * @param keepMetadata also what is text or numbers about the photo; never what may show its pixels again
 * @throws ImageError `IMAGE_UNSUPPORTED` for formats that are not written here
 */
export function encodeLike(
  original: Uint8Array,
  image: RawImage,
  keepMetadata: boolean,
): Uint8Array {
  const { width, height, data } = image;
  const pixels = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const format = sniffFormat(original);
  if (format === "jpeg") {
    const encoded = jpeg.encode({ width, height, data: pixels }, QUALITY).data;
    return withJpegMetadata(encoded, jpegMetadata(original, keepMetadata));
  }
  if (format === "png") {
    const png = new PNG({ width, height });
    png.data = pixels;
    const opaque = isOpaque(pixels);
    const options = { colorType: opaque ? 2 : 6, inputHasAlpha: true } as const;
    return withPngMetadata(PNG.sync.write(png, options), pngMetadata(original, keepMetadata));
  }
  throw new ImageError(
    "IMAGE_UNSUPPORTED",
    `${format} files cannot be written here: convert the photo to JPEG or PNG first`,
  );
}

function isOpaque(pixels: Uint8Array): boolean {
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 255) return false;
  return true;
}
