import { constants, inflateSync } from "node:zlib";
import { ImageError } from "../errors.js";
import type { RawImage } from "../types.js";
import { type ImageFormat, sniffFormat } from "./format.js";
import { decodeJpeg } from "./jpeg/decode.js";
import { applyOrientation } from "./orient.js";
import { readPngHeader } from "./png/header.js";
import { pngPixels, pngRawBytes } from "./png/pixels.js";
import type { ImageLimits } from "./raw.js";
import { unsupportedFormat } from "./unsupported.js";

/**
 * Decodes a JPEG (baseline or progressive; grey, YCbCr, RGB, CMYK, YCCK) or a PNG (every colour
 * type and depth), told apart by content, and turns it upright by its EXIF orientation.
 *
 * Colours are taken as sRGB; 16-bit samples are rounded to 8. A PNG's alpha is kept as it is, its
 * colours unblended: detection ignores alpha, as OpenCV's reader does.
 *
 * @throws ImageError IMAGE_EMPTY, IMAGE_UNSUPPORTED (with the format's name), IMAGE_CORRUPT (a
 * truncated file among them) or IMAGE_TOO_LARGE (before anything is decoded).
 */
export function decodeImage(bytes: Uint8Array, limits?: ImageLimits): RawImage {
  if (bytes.length === 0) throw new ImageError("IMAGE_EMPTY", "the file is empty");
  const format = sniffFormat(bytes);
  const decode = DECODERS[format];
  if (decode === undefined) throw unsupportedFormat(format, bytes);
  try {
    return decode(bytes, limits);
  } catch (cause) {
    if (cause instanceof ImageError) throw cause;
    throw decoderError(format, cause);
  }
}

const DECODERS: Partial<
  Record<ImageFormat, (bytes: Uint8Array, limits?: ImageLimits) => RawImage>
> = { jpeg: decodeJpeg, png: decodePng };

function decoderError(format: ImageFormat, cause: unknown): ImageError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (reason.includes("llocation failed")) {
    return new ImageError("IMAGE_TOO_LARGE", "there is not enough memory for the image", { cause });
  }
  return new ImageError(
    "IMAGE_CORRUPT",
    `damaged ${format.toUpperCase()}: ${reason}; fetch or export the file again`,
    { cause },
  );
}

function decodePng(bytes: Uint8Array, limits?: ImageLimits): RawImage {
  const header = readPngHeader(bytes, limits);
  const raw = inflateSync(Buffer.concat(header.data), {
    maxOutputLength: pngRawBytes(header),
    finishFlush: constants.Z_FINISH,
  });
  return applyOrientation(pngPixels(header, raw), header.orientation);
}
