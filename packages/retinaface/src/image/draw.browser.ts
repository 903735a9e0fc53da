import { ImageError } from "../errors.js";
import type { RawImage } from "../types.js";
import { smallerSize } from "./fit.js";
import { checkSize, type DecodeOptions } from "./raw.js";

/**
 * Pixels of what a canvas can draw, scaled down where the options ask for less.
 *
 * @throws ImageError
 */
export function draw(
  source: CanvasImageSource,
  width: number,
  height: number,
  options?: DecodeOptions,
): RawImage {
  checkSize(width, height, options);
  const original = { width, height };
  const smaller = options && smallerSize(original, options);
  if (smaller) return { ...draw(source, smaller.width, smaller.height), original };
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (context === null) {
    throw new ImageError("IMAGE_TOO_LARGE", `the browser gives no canvas of ${width}×${height}`);
  }
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  try {
    return { data: context.getImageData(0, 0, width, height).data, width, height };
  } catch (cause) {
    throw new ImageError(
      "IMAGE_UNREADABLE",
      "the page may not read this image's pixels: it comes from another origin; " +
        'serve it with CORS headers and set crossorigin="anonymous"',
      { cause },
    );
  }
}
