import {
  type Device,
  empty,
  matmul,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor/inference";
import { filledPieces, type ProductInput, piecesOf, type RowProducts } from "./products.js";

/** Rows on a GPU, in as many tensors as its limits ask for. */
export class GpuProducts implements RowProducts {
  readonly #device: Device;
  readonly #dimensions: number;
  readonly #pieces: readonly Tensor[];

  private constructor(device: Device, dimensions: number, pieces: readonly Tensor[]) {
    this.#device = device;
    this.#dimensions = dimensions;
    this.#pieces = pieces;
  }

  /** @throws GpuOutOfMemoryError, DeviceLostError */
  static async create(device: Device, input: ProductInput): Promise<GpuProducts> {
    const { dimensions } = input;
    const { maxStorageBufferBindingSize, maxBufferSize } = device.limits;
    const most = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    const pieces = piecesOf(input, most);
    const tensors: Tensor[] = [];
    try {
      for (const values of filledPieces(input, pieces)) {
        const piece = empty(device, [values.length / dimensions, dimensions]);
        tensors.push(piece);
        piece.write(values);
      }
      await device.sync();
    } catch (error) {
      for (const piece of tensors) piece.dispose();
      throw error;
    }
    return new GpuProducts(device, dimensions, tensors);
  }

  async times(queries: Float32Array, count: number): Promise<Float32Array> {
    const right = tensor(this.#device, queries, [count, this.#dimensions]);
    const products = this.#pieces.map((piece) => matmul(piece, right, { transposeB: true }));
    try {
      const parts = await Promise.all(products.map((product) => product.data()));
      return joined(parts as Float32Array[]);
    } finally {
      for (const used of [right, ...products]) used.dispose();
    }
  }

  dispose(): void {
    for (const piece of this.#pieces) piece.dispose();
  }
}

function joined(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const all = new Float32Array(parts.reduce((total, { length }) => total + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
