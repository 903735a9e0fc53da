import type { Known } from "@retinaface-webgpu/tensor/inference";
import type { RawImage } from "../types.js";

/**
 * What can be read as bytes: the bytes themselves; a path, or a `file:`, `data:` or `blob:` URL in
 * Node; a URL to fetch in a browser.
 */
export type BytesSource = string | Known<"URL"> | ArrayBuffer | ArrayBufferView | Known<"Blob">;

/**
 * An image: encoded (see {@link BytesSource}; JPEG and PNG in Node, whatever the browser decodes
 * there), raw pixels, or in browsers anything that a canvas can draw.
 */
export type ImageInput =
  | BytesSource
  | RawImage
  | Known<"ImageData">
  | Known<"ImageBitmap">
  | Known<"HTMLImageElement">
  | Known<"HTMLCanvasElement">
  | Known<"OffscreenCanvas">
  | Known<"HTMLVideoElement">
  | Known<"VideoFrame">;
