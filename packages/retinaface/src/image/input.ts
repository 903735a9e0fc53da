import type { RawImage } from "../types.js";

/**
 * What can be read as bytes: the bytes themselves; a path or `file:` URL in Node; a URL to fetch in
 * a browser.
 */
export type BytesSource = string | URL | ArrayBuffer | ArrayBufferView | Blob;

/**
 * An image: encoded (see {@link BytesSource}; JPEG and PNG in Node, whatever the browser decodes
 * there), raw pixels, or in browsers anything that a canvas can draw.
 */
export type ImageInput =
  | BytesSource
  | RawImage
  | ImageData
  | ImageBitmap
  | HTMLImageElement
  | HTMLCanvasElement
  | OffscreenCanvas
  | HTMLVideoElement
  | VideoFrame;
