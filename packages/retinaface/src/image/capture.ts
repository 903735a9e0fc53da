import type { RawImage } from "../types.js";
import type { ImageInput } from "./input.js";
import { isRawImage } from "./raw.js";

type Resizable = ArrayBufferLike & { readonly resizable?: boolean };

const isResizable = (buffer: Resizable): boolean => buffer.resizable === true;

/**
 * An image as it is when a call begins. Memory that its owner can make shorter while the call waits is copied; a plain object
 * of pixels may change its fields. Other memory can only be taken away (transferred), which is found out when it is read.
 */
export function capture(input: ImageInput): ImageInput {
  if (input instanceof ArrayBuffer) return isResizable(input) ? input.slice(0) : input;
  if (ArrayBuffer.isView(input)) return captureView(input);
  if (!isRawImage(input) || isImageData(input)) return input;
  const { data, width, height } = input as RawImage;
  if (!(data instanceof Uint8Array || data instanceof Uint8ClampedArray)) return input;
  return { data: captureView(data), width, height };
}

function captureView<View extends ArrayBufferView>(view: View): View {
  if (!isResizable(view.buffer)) return view;
  const { buffer, byteOffset, byteLength } = view;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength).slice();
  return (view instanceof Uint8ClampedArray
    ? new Uint8ClampedArray(bytes.buffer)
    : bytes) as ArrayBufferView as View;
}

/** A canvas's pixels, whose memory has one length for good and whose colours the browser knows. */
function isImageData(input: ImageInput): boolean {
  return typeof ImageData !== "undefined" && input instanceof ImageData;
}
