import { create, globals } from "webgpu";

/**
 * Gives libraries made for browsers Dawn as `navigator.gpu`. Call it before they are imported.
 *
 * Dawn's `writeBuffer` refuses views of shared memory, as the specification does not; onnxruntime-web's
 * WebAssembly memory is such, so those are copied first.
 */
export function provideNavigatorGpu(): void {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  const gpu = create([]);
  const navigator = { gpu, userAgent: "node", hardwareConcurrency: 1 };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  const { GPUQueue } = globals as unknown as { GPUQueue: { prototype: GPUQueue } };
  const original = GPUQueue.prototype.writeBuffer as (...args: unknown[]) => undefined;
  GPUQueue.prototype.writeBuffer = function (...args: unknown[]) {
    const data = args[2];
    const buffer = ArrayBuffer.isView(data) ? data.buffer : data;
    if (buffer instanceof SharedArrayBuffer)
      args[2] = unshared(data as ArrayBufferView | SharedArrayBuffer);
    return original.apply(this, args);
  };
}

function unshared(data: ArrayBufferView | SharedArrayBuffer): ArrayBuffer | Uint8Array {
  if (!ArrayBuffer.isView(data)) return new Uint8Array(data).slice().buffer;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const View = data.constructor as new (buffer: ArrayBuffer) => Uint8Array;
  return new View(bytes.buffer);
}
