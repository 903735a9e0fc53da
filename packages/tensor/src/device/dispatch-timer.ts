/** How long dispatches take on the GPU. */
import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { restDuring } from "#platform";
import type {
  GPUBuffer,
  GPUCommandEncoder,
  GPUComputePassDescriptor,
  GPUDevice,
} from "../core/web.js";

/** Duration of one dispatch, from timestamp queries, or of a kernel on processors by its threads' clock. */
export interface KernelTiming {
  readonly name: string;
  readonly milliseconds: number;
  readonly flops: number;
  readonly bytes: number;
  /** On processors: how many threads worked in that time, in the mean. */
  readonly threads?: number;
}

/** Timestamps around single dispatches of one submit. */
export class DispatchTimer {
  readonly #querySet: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #readable: GPUBuffer;
  readonly #kernels: Kernel[] = [];
  readonly #capacity: number;

  constructor(device: GPUDevice, dispatches: number) {
    this.#capacity = Math.max(1, dispatches);
    const bytes = this.#capacity * 16;
    this.#querySet = device.createQuerySet({ type: "timestamp", count: this.#capacity * 2 });
    this.#resolved = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    this.#readable = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  descriptor(kernel: Kernel): GPUComputePassDescriptor {
    const index = this.#kernels.push(kernel) - 1;
    return {
      timestampWrites: {
        querySet: this.#querySet,
        beginningOfPassWriteIndex: index * 2,
        endOfPassWriteIndex: index * 2 + 1,
      },
    };
  }

  resolve(encoder: GPUCommandEncoder): void {
    if (this.#kernels.length === 0) return;
    encoder.resolveQuerySet(this.#querySet, 0, this.#kernels.length * 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#readable, 0, this.#kernels.length * 16);
  }

  async read(): Promise<KernelTiming[]> {
    await restDuring(this.#readable.mapAsync(GPUMapMode.READ));
    const ticks = new BigInt64Array(this.#readable.getMappedRange());
    const timings = this.#kernels.map((kernel, i) => ({
      name: kernel.name,
      milliseconds: Number(ticks[i * 2 + 1] - ticks[i * 2]) / 1e6,
      flops: kernel.flops,
      bytes: kernel.bytes,
    }));
    for (const resource of [this.#readable, this.#resolved, this.#querySet]) resource.destroy();
    return timings;
  }
}
