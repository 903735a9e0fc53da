import { type Device, empty, keep, type Tensor } from "@retinaface-webgpu/tensor";

/** Figures of one optimizer step. */
export interface StepLosses {
  /** Counted from 0. */
  readonly step: number;
  readonly learningRate: number;
  readonly total: number;
  readonly classes: number;
  readonly boxes: number;
  readonly landmarks: number;
  /** Norm of all gradients before clipping; absent without clipping. */
  readonly gradientNorm?: number;
}

const COLUMNS = 4;

/**
 * Losses of recent steps, kept on the GPU until they are asked for: reading each at once would make the
 * host wait for the GPU at every step.
 */
export class LossLog {
  readonly #device: Device;
  readonly #values: Tensor;
  readonly #capacity: number;
  #rows = 0;

  /** @param capacity rows kept at most */
  constructor(device: Device, capacity: number) {
    this.#device = device;
    this.#capacity = capacity;
    this.#values = keep(empty(device, [capacity, COLUMNS]));
  }

  /** Whether so many more rows fit in. */
  hasRoom(rows: number): boolean {
    return this.#rows + rows <= this.#capacity;
  }

  /** Appends a row of up to four one-element tensors. */
  add(values: readonly Tensor[]): void {
    const target = this.#values.storage.buffer.buffer;
    for (const [column, value] of values.entries()) {
      const offset = (this.#rows * COLUMNS + column) * 4;
      this.#device.copy(value.storage.buffer.buffer, 0, target, offset, 4);
    }
    this.#rows++;
  }

  /** Reads all rows and starts again. */
  async take(): Promise<number[][]> {
    const rows = this.#rows;
    this.#rows = 0;
    if (rows === 0) return [];
    const bytes = await this.#device.read(this.#values.storage.buffer.buffer, rows * COLUMNS * 4);
    const values = new Float32Array(bytes);
    return Array.from({ length: rows }, (_, i) => [
      ...values.subarray(i * COLUMNS, (i + 1) * COLUMNS),
    ]);
  }

  dispose(): void {
    this.#values.dispose();
  }
}
