import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type { BufferBinding, Device } from "@retinaface-webgpu/tensor";
import { randomValues } from "./random.js";

/** Part of a buffer of a `Work`, in elements of 4 bytes. */
export interface Part {
  readonly buffer: number;
  readonly offset: number;
  readonly size: number;
}

/** One dispatch; bindings are indices of the work's buffers. */
export interface WorkStep {
  readonly kernel: Kernel;
  readonly bindings: readonly (number | Part)[];
}

/** Something to time: dispatches in order, on buffers of their own. */
export interface Work {
  readonly name: string;
  /** Elements of 4 bytes each buffer has. */
  readonly sizes: readonly number[];
  readonly steps: readonly WorkStep[];
  /** Buffers that hold integers, and what fills them; others hold floats in −1 … 1. */
  readonly integers?: Readonly<Record<number, ArrayLike<number>>>;
  /** Run once before anything is timed, such as the packing of weights. */
  readonly setup?: readonly WorkStep[];
}

/** Work with memory, ready to run. */
export class PreparedWork {
  readonly work: Work;
  readonly flops: number;
  readonly bytes: number;
  readonly #device: Device;
  readonly #buffers: ReturnType<Device["allocate"]>[];
  #repeats = 1;

  constructor(device: Device, work: Work) {
    this.#device = device;
    this.work = work;
    const total = (pick: (kernel: Kernel) => number) =>
      work.steps.reduce((sum, { kernel }) => sum + pick(kernel), 0);
    this.flops = total(({ flops }) => flops);
    this.bytes = total(({ bytes }) => bytes);
    this.#buffers = work.sizes.map((elements, i) => {
      const buffer = device.allocate(elements * 4, work.name);
      const integers = work.integers?.[i];
      device.write(buffer, integers ? Int32Array.from(integers) : randomValues(elements, i));
      return buffer;
    });
  }

  /**
   * Compiles, and finds how often to repeat the work so that a measurement takes `milliseconds`.
   * @returns milliseconds of the first run, compilation included
   */
  async prepare(milliseconds: number): Promise<number> {
    this.#record(this.work.setup ?? []);
    await this.#device.sync();
    const first = await this.#measure(1);
    const second = await this.#measure(1);
    this.#repeats = Math.min(4096, Math.max(1, Math.ceil(milliseconds / Math.max(second, 1e-3))));
    return first;
  }

  /** Milliseconds of one run: the mean of a row of repeats and one wait. */
  async time(): Promise<number> {
    return (await this.#measure(this.#repeats)) / this.#repeats;
  }

  release(): void {
    for (const buffer of this.#buffers) this.#device.free(buffer);
  }

  async #measure(repeats: number): Promise<number> {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) this.#record(this.work.steps);
    await this.#device.sync();
    return performance.now() - start;
  }

  #record(steps: readonly WorkStep[]): void {
    for (const { kernel, bindings } of steps) this.#device.run(kernel, bindings.map(this.#bind));
  }

  readonly #bind = (binding: number | Part): BufferBinding => {
    if (typeof binding === "number") {
      const { buffer, bytes } = this.#buffers[binding];
      return { buffer, offset: 0, size: bytes };
    }
    const { buffer } = this.#buffers[binding.buffer];
    return { buffer, offset: binding.offset * 4, size: binding.size * 4 };
  };
}
