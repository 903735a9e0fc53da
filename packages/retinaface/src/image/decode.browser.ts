import { ImageError } from "../errors.js";
import type { RawImage } from "../types.js";
import { draw } from "./draw.browser.js";
import { type Size, smallerSize } from "./fit.js";
import { type ImageFormat, sniffFormat } from "./format.js";
import {
  corruptJpeg,
  endOf,
  type JpegHeader,
  readJpegHeader,
  withEndMarker,
} from "./jpeg/header.js";
import { uprightLayout } from "./orient.js";
import { readPngHeader } from "./png/header.js";
import { checkDecodeOptions, type DecodeOptions } from "./raw.js";
import { unsupportedFormat } from "./unsupported.js";

/**
 * Decodes bytes by the browser; sizes and truncation are looked at first, as in Node.
 *
 * @throws ImageError, OptionError
 */
export async function decode(bytes: Uint8Array, options: DecodeOptions = {}): Promise<RawImage> {
  checkDecodeOptions(options);
  options.signal?.throwIfAborted();
  if (bytes.length === 0) throw new ImageError("IMAGE_EMPTY", "the file is empty");
  const format = sniffFormat(bytes);
  if (format === "jpeg") {
    const header = readJpegHeader(bytes, options);
    if (endOf(bytes) === undefined) return decodeUnclosed(bytes, header, options);
    const { width, height } = uprightLayout(header.width, header.height, header.orientation);
    return decodeByBrowser(bytes, format, options, { width, height });
  }
  if (format === "png") readPngHeader(bytes, options);
  return decodeByBrowser(bytes, format, options);
}

/**
 * Averages over what is covered. Of a photo of 4000×3000 brought to 640×480 Chromium's "high" and "low" leave out lines: they are 2.3
 * grey levels off the average, "medium" 0.9 and a canvas 0.7; and "medium" 0.3 off the canvas, which holds the page up
 * twelve times as long (Chromium 156, 2026-11-29).
 */
const RESIZE_QUALITY = "medium";

/** @param original of a photo without transparency: it is scaled beside the page, while it is decoded */
async function decodeByBrowser(
  bytes: Uint8Array,
  format: ImageFormat,
  options: DecodeOptions,
  original?: Size,
): Promise<RawImage> {
  const smaller = original && smallerSize(original, options);
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([bytes as BlobPart]), {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      ...(smaller && {
        resizeWidth: smaller.width,
        resizeHeight: smaller.height,
        resizeQuality: RESIZE_QUALITY,
      }),
    });
  } catch (cause) {
    if (format !== "jpeg" && format !== "png") throw unsupportedFormat(format, bytes);
    throw new ImageError(
      "IMAGE_CORRUPT",
      `the browser cannot decode this ${format.toUpperCase()}: it is damaged`,
      { cause },
    );
  }
  try {
    const { width, height } = bitmap;
    const isScaled = smaller && width === smaller.width && height === smaller.height;
    return isScaled
      ? { ...draw(bitmap, width, height), original }
      : draw(bitmap, width, height, options);
  } finally {
    bitmap.close();
  }
}

/** A JPEG without an end marker: an image element shows it, `createImageBitmap` refuses it. */
async function decodeUnclosed(
  bytes: Uint8Array,
  header: JpegHeader,
  options: DecodeOptions,
): Promise<RawImage> {
  const image = await decodeByBrowser(withEndMarker(bytes), "jpeg", {
    ...options,
    decode: "full",
  });
  if (options.truncated !== "show" && endsInGrey(image, header)) {
    throw corruptJpeg("its image data end early");
  }
  return { ...image, warnings: ["it has no end marker"] };
}

/** Browsers do not say whether data were missing, but paint blocks without data in medium grey. */
function endsInGrey({ data }: RawImage, { width, height, orientation }: JpegHeader): boolean {
  const { start, right, down } = uprightLayout(width, height, orientation);
  for (let y = Math.max(0, height - 4); y < height; y++) {
    for (let x = Math.max(0, width - 4); x < width; x++) {
      const at = (start + x * right + y * down) * 4;
      if (data[at] !== 128 || data[at + 1] !== 128 || data[at + 2] !== 128) return false;
    }
  }
  return true;
}
