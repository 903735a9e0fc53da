import type { BufferBinding, Device, PooledBuffer } from "@retinaface-webgpu/tensor/inference";

/** The whole of a lent buffer as an argument. */
export function whole({ buffer, bytes }: PooledBuffer): BufferBinding {
  return { buffer, offset: 0, size: bytes };
}

/** Buffers that are given back together, also where making the rest failed. */
export class BufferSet {
  readonly #device: Device;
  readonly #buffers = new Set<PooledBuffer>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** Allocates `words` of 4 bytes. @throws GpuOutOfMemoryError */
  allocate(words: number, label: string): PooledBuffer {
    const buffer = this.#device.allocate(words * 4, label);
    this.#buffers.add(buffer);
    return buffer;
  }

  /** Allocates and fills. */
  upload(data: Float32Array, label: string): PooledBuffer {
    const buffer = this.allocate(data.length, label);
    this.#device.write(buffer, data);
    return buffer;
  }

  free(buffer: PooledBuffer): void {
    if (this.#buffers.delete(buffer)) this.#device.free(buffer);
  }

  dispose(): void {
    for (const buffer of this.#buffers) this.free(buffer);
  }
}
