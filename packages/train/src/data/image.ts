import { type RawImage, toRawImage } from "retinaface-webgpu";
import type { ImageSource } from "./record.js";

/**
 * The upright pixels of a record's image.
 * @throws ImageError if it cannot be read or decoded.
 */
export function loadImage(source: ImageSource): Promise<RawImage> {
  return typeof source === "string" ? toRawImage(source) : source();
}
