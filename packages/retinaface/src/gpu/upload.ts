import type { ImageBand } from "@retinaface-webgpu/kernels-wgsl";
import type { Device, PooledBuffer } from "@retinaface-webgpu/tensor/inference";
import { ImageError } from "../errors.js";

/** A run of an image's rows and where they lie in the upload buffer. */
export interface Piece {
  /** Which image of the batch. */
  readonly image: number;
  readonly band: ImageBand;
  /** In bytes. */
  readonly offset: number;
  readonly bytes: number;
  /** Pieces of one load lie side by side; the next load overwrites them. */
  readonly load: number;
}

/** Where bindings may begin on every adapter. */
const ALIGNMENT = 256;
/** WebGPU's guaranteed binding size; larger buffers would only cost memory. */
const MOST_BYTES = 128 * 2 ** 20;

/** The bytes that pixels go through on their way to the GPU, shared by all networks of a device. */
export class UploadBuffer {
  readonly #device: Device;
  readonly limit: number;
  #buffer: PooledBuffer | undefined;

  /** @param limit Most bytes that are on the GPU at a time. */
  constructor(device: Device, limit = MOST_BYTES) {
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    this.#device = device;
    this.limit = Math.min(limit, maxStorageBufferBindingSize, maxBufferSize);
  }

  /** A buffer with room for `bytes`. It stays the same while it is large enough. */
  reserve(bytes: number): PooledBuffer {
    if (!this.#buffer || this.#buffer.bytes < bytes) {
      this.dispose();
      this.#buffer = this.#device.allocate(bytes, "pixels");
    }
    return this.#buffer;
  }

  dispose(): void {
    if (this.#buffer) this.#device.free(this.#buffer);
    this.#buffer = undefined;
  }
}

/**
 * Distributes images over loads of at most `limit` bytes, an image that is larger by bands of rows.
 *
 * @throws ImageError IMAGE_TOO_LARGE when a single row is larger.
 */
export function planUpload(
  sizes: readonly { width: number; height: number }[],
  limit: number,
): Piece[] {
  const pieces: Piece[] = [];
  let offset = 0;
  let load = 0;
  for (const [image, { width, height }] of sizes.entries()) {
    const rowBytes = width * 4;
    const most = Math.floor(limit / rowBytes);
    if (most === 0) {
      throw new ImageError(
        "IMAGE_TOO_LARGE",
        `a row of ${width} pixels exceeds what this adapter binds at once: scale the image down first`,
      );
    }
    for (let firstRow = 0; firstRow < height; firstRow += most) {
      const rows = Math.min(most, height - firstRow);
      const bytes = rows * rowBytes;
      if (offset + bytes > limit) {
        offset = 0;
        load++;
      }
      pieces.push({ image, band: { firstRow, rows }, offset, bytes, load });
      offset = Math.ceil((offset + bytes) / ALIGNMENT) * ALIGNMENT;
    }
  }
  return pieces;
}
