import { ImageError } from "../errors.js";
import type { RawImage } from "../types.js";
import { smallerSize } from "./fit.js";
import { type ImageFormat, sniffFormat } from "./format.js";
import { decodeJpeg } from "./jpeg/decode.js";
import { decodePng } from "./png/decode.node.js";
import { checkDecodeOptions, type DecodeOptions } from "./raw.js";
import { scaleDown } from "./rows.js";
import { decodeBySharp } from "./sharp.node.js";
import { inSlices } from "./slices.node.js";
import { SHARP_FORMATS, unsupportedFormat } from "./unsupported.js";

/**
 * Decodes a JPEG (baseline or progressive; grey, YCbCr, RGB, CMYK, YCCK) or a PNG (every colour
 * type and depth), told apart by content, and turns it upright by its EXIF orientation. The event loop
 * turns in between, at the latest every 20 ms or so. By `decoder` sharp does it, and knows more formats.
 *
 * Colours are taken as sRGB; 16-bit samples are rounded to 8. A PNG's alpha is kept as it is, its
 * colours unblended: detection ignores alpha, as OpenCV's reader does.
 *
 * @param bytes must not change until the promise is settled.
 * @returns the pixels, with `warnings` where the file is odd but shown, as libjpeg and libpng do.
 * @throws ImageError IMAGE_EMPTY, IMAGE_UNSUPPORTED (with the format's name), IMAGE_CORRUPT (a
 * truncated file among them) or IMAGE_TOO_LARGE (before anything is decoded); the signal's reason.
 */
export async function decodeImage(
  bytes: Uint8Array,
  options: DecodeOptions = {},
): Promise<RawImage> {
  checkDecodeOptions(options);
  options.signal?.throwIfAborted();
  if (bytes.length === 0) throw new ImageError("IMAGE_EMPTY", "the file is empty");
  const format = sniffFormat(bytes);
  const bySharp = await decodeBySharp(bytes, options);
  if (bySharp) return bySharp;
  const decode = DECODERS[format];
  if (decode === undefined) throw unsupportedFormat(format, bytes, sharpRemedy(format, options));
  try {
    return fitted(await decode(bytes, options), options);
  } catch (cause) {
    if (cause instanceof ImageError || options.signal?.aborted) throw cause;
    throw decoderError(format, cause);
  }
}

const DECODERS: Partial<
  Record<ImageFormat, (bytes: Uint8Array, options: DecodeOptions) => Promise<RawImage>>
> = {
  jpeg: (bytes, options) => inSlices(decodeJpeg(bytes, options), options.signal),
  png: decodePng,
};

/** What sharp would do for a format, if it might. */
function sharpRemedy(format: ImageFormat, { decoder }: DecodeOptions): string {
  if (!SHARP_FORMATS.has(format)) return "";
  const remedy =
    decoder === "own" ? 'leave decoder "own" out and have sharp installed' : "npm install sharp";
  // The programs that npm brings lack HEVC, for its patents.
  return format === "heic"
    ? `${remedy}, built on a libvips that reads HEIC, or `
    : `${remedy}, or `;
}

/** As small as the options allow: a decoder may have done that already. */
function fitted(image: RawImage, options: DecodeOptions): RawImage {
  const { width, height } = image;
  const smaller = image.original ? undefined : smallerSize(image, options);
  if (!smaller) return image;
  return { ...image, ...scaleDown(image, smaller), original: { width, height } };
}

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
