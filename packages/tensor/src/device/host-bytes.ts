import { TensorError } from "../core/errors.js";

/**
 * A view's bytes in memory that WebGPU takes: shared memory is refused by browsers and ends the process in
 * Dawn's binding for Node, resizable memory is refused by some, so that both are copied.
 *
 * @throws TensorError `DETACHED`
 */
export function hostBytes(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const { buffer, byteOffset, byteLength } = view;
  try {
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    const plain = buffer instanceof ArrayBuffer && !("resizable" in buffer && buffer.resizable);
    return plain ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
  } catch (cause) {
    throw new TensorError(
      "DETACHED",
      "The data's memory is gone: it was transferred to another thread, or made shorter. Keep it, or pass a copy.",
      { cause },
    );
  }
}
