import type { RawImage } from "../types.js";
import { copyOf } from "./bytes.js";
import type { ImageInput } from "./input.js";
import { isRawImage } from "./raw.js";

/** Pixels that came out of our own decoders: large, and not written to again by whoever asked for them. */
const decoded = new WeakSet<object>();

/** Marks pixels that {@link capture} need not copy. */
export function markDecoded(image: RawImage): RawImage {
  decoded.add(image.data);
  return image;
}

/**
 * An image as it is when a call begins: memory is copied, as its owner may write to it, make it shorter, or
 * transfer it while the call waits; shared memory another thread. What `toRawImage` decoded is taken as it
 * is, and a canvas's pixels (ImageData) are the page's to leave alone.
 */
export function capture(input: ImageInput): ImageInput {
  const bytes = copyOf(input);
  if (bytes !== undefined) return bytes;
  if (!isRawImage(input) || isImageData(input)) return input;
  const { data, width, height, original } = input as RawImage;
  const size = { width, height, ...(original && { original: { ...original } }) };
  const known = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  if (!known || decoded.has(data)) return { data, ...size };
  return { data: copyOf(data) as Uint8Array, ...size };
}

/** A canvas's pixels, whose memory has one length for good and whose colours the browser knows. */
function isImageData(input: ImageInput): boolean {
  return typeof ImageData !== "undefined" && input instanceof ImageData;
}
