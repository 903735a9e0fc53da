import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type {
  BufferBinding,
  CompiledKernel,
  Device,
  PooledBuffer,
} from "@retinaface-webgpu/tensor/inference";

/** Uniform blocks are bound whole, with the dynamic offset 0. */
const NO_OFFSET = [0];

/**
 * A dispatch that is recorded again and again. Its params and its bind group are made anew only when they change, so
 * that a steady run of frames allocates nothing.
 */
export class Stage {
  readonly #device: Device;
  readonly #compiled: CompiledKernel;
  #params: PooledBuffer | undefined;
  #kernel: Kernel | undefined;
  #bindings: readonly BufferBinding[] = [];
  #group: GPUBindGroup | undefined;

  constructor(device: Device, compiled: CompiledKernel) {
    this.#device = device;
    this.#compiled = compiled;
  }

  /** Says what to run. It writes to the queue: call it for all stages before the first is recorded. */
  set(kernel: Kernel, bindings: readonly BufferBinding[]): void {
    if (kernel.params && !sameBytes(kernel.params, this.#kernel?.params)) {
      this.#params ??= this.#device.allocate(kernel.params.byteLength, `params of ${kernel.name}`);
      this.#device.write(this.#params, new Uint8Array(kernel.params));
    }
    if (!this.#group || !sameBindings(bindings, this.#bindings)) {
      const block = this.#params && {
        buffer: this.#params.buffer,
        offset: 0,
        size: kernel.params!.byteLength,
      };
      this.#group = this.#device.bind(this.#compiled, bindings, block);
      this.#bindings = bindings;
    }
    this.#kernel = kernel;
  }

  /** Records the dispatch last `set`. */
  record(): void {
    this.#device.runPrepared(this.#compiled, this.#kernel!, this.#group!, NO_OFFSET);
  }

  dispose(): void {
    if (this.#params) this.#device.free(this.#params);
    this.#params = undefined;
  }
}

function sameBytes(a: ArrayBuffer, b: ArrayBuffer | undefined): boolean {
  if (a.byteLength !== b?.byteLength) return false;
  const [x, y] = [new Uint32Array(a), new Uint32Array(b)];
  return x.every((word, i) => word === y[i]);
}

function sameBindings(a: readonly BufferBinding[], b: readonly BufferBinding[]): boolean {
  return (
    a.length === b.length &&
    a.every(
      ({ buffer, offset, size }, i) =>
        buffer === b[i].buffer && offset === b[i].offset && size === b[i].size,
    )
  );
}
