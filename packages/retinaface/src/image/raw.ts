import { ImageError } from "../errors.js";
import type { RawImage } from "../types.js";

/** Limits of what is decoded. */
export interface ImageLimits {
  /** Most pixels of an image, known from its header before anything is decoded. */
  maxPixels?: number;
}

/** 160 megapixels: above any camera's in common use, and 640 MB as RGBA. */
export const DEFAULT_MAX_PIXELS = 160_000_000;

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
  if (data.length !== width * height * 4) {
    throw new ImageError(
      "IMAGE_CORRUPT",
      `${width}×${height} pixels take ${width * height * 4} bytes of RGBA, got ${data.length}: ` +
        "four bytes a pixel, without padding between rows",
    );
  }
  return image;
}

/** The pixels as one 32-bit word each, in the machine's byte order. */
export function pixels32(image: RawImage): Uint32Array {
  const { data } = image;
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, image.width * image.height);
}
