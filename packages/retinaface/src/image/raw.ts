import type { Known } from "@retinaface-webgpu/tensor/inference";
import { ImageError, OptionError } from "../errors.js";
import type { RawImage } from "../types.js";

/** Limits of what is decoded. */
export interface ImageLimits {
  /**
   * Most pixels of an image, known from its header before anything is decoded. Default
   * {@link DEFAULT_MAX_PIXELS}.
   */
  maxPixels?: number | undefined;
  /**
   * Most bytes that decoding holds beside the file (a JPEG's twice), the pixels of its result among them; known
   * before the image data are read. Default {@link DEFAULT_MAX_BYTES}. In browsers the browser decides.
   */
  maxBytes?: number | undefined;
}

/** How an encoded image is decoded. */
export interface DecodeOptions extends ImageLimits {
  /**
   * What becomes of an image whose data end early: an error, or the part that is there, above grey
   * (JPEG) or nothing (PNG; not in browsers), with a warning. Default `"error"`.
   */
  truncated?: "error" | "show" | undefined;
  /**
   * Sides that are enough, as for `detect`: a larger image is decoded and scaled down to the size at which detection
   * would see it. Its result has the `original` size.
   */
  maxSide?: number | undefined;
  minSide?: number | undefined;
  /**
   * How an image becomes as small as `maxSide` says: `"scaled"` decodes a JPEG at 1/2, 1/4 or 1/8 where that is large enough
   * and resizes what comes by a filter that lets nothing alias; `"full"` leaves all pixels and the scaling to the detector,
   * which interpolates where it shrinks by less than 2. Default `"scaled"`.
   */
  decode?: "scaled" | "full" | undefined;
  /**
   * Who decodes in Node: `"own"`, our own code, JPEG and PNG; `"sharp"`, the package of that name where it is installed, WebP,
   * AVIF, GIF, TIFF and, as far as its build can, HEIC too; `"auto"`, sharp where it is installed and a photo is made smaller or
   * is of a format of its own. JPEGs in CMYK and PNGs with transparency or 16 bits are always ours. Default `"auto"`. In
   * browsers the browser decodes.
   */
  decoder?: "auto" | "own" | "sharp" | undefined;
  /** Heeded before and between the rows of an image. */
  signal?: Known<"AbortSignal"> | undefined;
}

/** 160 megapixels: above any camera's in common use, and 640 MB as RGBA. */
export const DEFAULT_MAX_PIXELS = 160_000_000;

/** 1 GiB: 160 megapixels of a baseline JPEG or a PNG, 107 to 153 of a progressive JPEG. */
export const DEFAULT_MAX_BYTES = 2 ** 30;

/** Values of {@link DecodeOptions.decoder}. */
export const DECODERS: readonly string[] = ["auto", "own", "sharp"];

/** @throws OptionError for a limit that is no number, or another word than are known. */
export function checkDecodeOptions(options: DecodeOptions): void {
  const { maxPixels = 1, maxBytes = 1, truncated = "error", decode = "scaled" } = options;
  const { decoder = "auto" } = options;
  if (!(maxPixels > 0 && maxBytes > 0)) {
    throw new OptionError("maxPixels and maxBytes must be numbers above 0");
  }
  if (decode !== "scaled" && decode !== "full") {
    throw new OptionError(`decode must be "scaled" or "full", got ${String(decode)}`);
  }
  if (!DECODERS.includes(decoder)) {
    throw new OptionError(`decoder must be ${DECODERS.join(", ")}, got ${String(decoder)}`);
  }
  if (truncated !== "error" && truncated !== "show") {
    throw new OptionError(`truncated must be "error" or "show", got ${String(truncated)}`);
  }
}

/**
 * @throws ImageError IMAGE_EMPTY when a side is 0, IMAGE_TOO_LARGE above the limit.
 */
export function checkSize(width: number, height: number, limits: ImageLimits = {}): void {
  if (width === 0 || height === 0) {
    throw new ImageError("IMAGE_EMPTY", `the image has no pixels: it is ${width}×${height}`);
  }
  const { maxPixels = DEFAULT_MAX_PIXELS } = limits;
  if (width * height > maxPixels) {
    throw new ImageError(
      "IMAGE_TOO_LARGE",
      `the image is ${width}×${height}, more than ${maxPixels / 1e6} megapixels: ` +
        "scale it down first, or raise maxPixels",
    );
  }
}

/** @throws ImageError IMAGE_TOO_LARGE where decoding would hold more than the limit. */
export function checkHeldBytes(bytes: number, limits: ImageLimits = {}): void {
  const { maxBytes = DEFAULT_MAX_BYTES } = limits;
  if (bytes > maxBytes) {
    throw new ImageError(
      "IMAGE_TOO_LARGE",
      `decoding the image takes ${Math.ceil(bytes / 2 ** 20)} MiB, more than ` +
        `${Math.floor(maxBytes / 2 ** 20)}: scale it down first, or raise maxBytes`,
    );
  }
}

/** Whether a value has the shape of pixels; {@link checkRawImage} says whether they fit. */
export function isRawImage(value: unknown): value is RawImage {
  if (typeof value !== "object" || value === null) return false;
  return "data" in value && "width" in value && "height" in value;
}

/**
 * Checks pixels that a caller passed in.
 *
 * @throws ImageError when data, width and height do not fit each other.
 */
export function checkRawImage(image: RawImage, limits?: ImageLimits): RawImage {
  const { data, width, height } = image;
  const whole = Number.isSafeInteger(width) && Number.isSafeInteger(height);
  const bytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  if (!whole || width < 0 || height < 0 || !bytes) {
    throw new ImageError(
      "IMAGE_UNSUPPORTED",
      "raw pixels must be { data, width, height } with RGBA bytes in a Uint8Array or " +
        "Uint8ClampedArray and whole numbers of pixels",
    );
  }
  checkSize(width, height, limits);
  const { original } = image;
  if (original && !(original.width >= 1 && original.height >= 1)) {
    throw new ImageError(
      "IMAGE_EMPTY",
      "the original of raw pixels must have a width and a height",
    );
  }
  if (data.length !== width * height * 4) {
    throw new ImageError(
      "IMAGE_CORRUPT",
      `${width}×${height} pixels take ${width * height * 4} bytes of RGBA, got ${data.length}: ` +
        "four bytes a pixel, without padding between rows",
    );
  }
  return image;
}
