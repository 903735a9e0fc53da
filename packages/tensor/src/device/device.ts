import type { Conv2dTraits, Kernel } from "@retinaface-webgpu/kernels-wgsl";
import { type GpuSource, noAdapterRemedy, openGpu, restDuring } from "#platform";
import {
  DeviceLostError,
  GpuOutOfMemoryError,
  GpuValidationError,
  TensorError,
  WebGpuUnavailableError,
} from "../core/errors.js";
import type {
  GPUBindGroup,
  GPUBuffer,
  GPUDevice,
  GPUExternalTexture,
  GPUSupportedLimits,
} from "../core/web.js";
import {
  type AdapterDescription,
  convolutionsFor,
  type DeviceOptions,
  describeAdapter,
  deviceDescriptor,
  type OptionalFeature,
} from "./adapter.js";
import type { BufferBinding } from "./bind-groups.js";
import { BufferPool, type LiveBuffers, type MemoryInfo, type PooledBuffer } from "./buffer-pool.js";
import { DispatchTimer, type KernelTiming } from "./dispatch-timer.js";
import { ErrorScopes, type Outcome } from "./error-scopes.js";
import { hostBytes } from "./host-bytes.js";
import { type CompiledKernel, PipelineCache } from "./pipelines.js";
import { profilerOf } from "./profilers.js";
import { Recorder } from "./recorder.js";
import { MAP_READ, USAGE } from "./usage.js";
import { BufferVersions } from "./versions.js";

const COMMANDS_PER_SUBMIT = 256;

/**
 * Owns one `GPUDevice`: pipelines, pooled buffers, recorded work and its errors.
 *
 * Work is recorded by `run` and submitted together by `flush`, `read` or `sync`. Errors that WebGPU
 * reports later (validation, out of memory) reject the next `read` or `sync`.
 */
export class Device {
  readonly adapter: AdapterDescription;
  /** Ways to convolve that this adapter has beyond others. */
  readonly convolutions: Conv2dTraits["further"];
  /** Resolves when the device is gone, by `destroy()` or by loss; never rejects. */
  readonly lost: Promise<DeviceLostError>;
  readonly #device: GPUDevice;
  readonly #source: GpuSource;
  readonly #pool: BufferPool;
  readonly #pipelines: PipelineCache;
  readonly #recorder: Recorder;
  /** How often each buffer was written. */
  readonly versions = new BufferVersions();
  readonly #staging = new Map<number, GPUBuffer[]>();
  readonly #lossListeners = new Set<(error: DeviceLostError) => void>();
  /** What the next read or sync rejects with. */
  readonly #errors = new ErrorScopes();
  #loss: DeviceLostError | undefined;
  /** What dispatches took, while they are profiled. */
  #timings: Promise<KernelTiming[]>[] | undefined;
  #submits = 0;

  private constructor(
    device: GPUDevice,
    adapter: AdapterDescription,
    convolutions: Conv2dTraits["further"],
    source: GpuSource,
    pool: number,
  ) {
    this.#device = device;
    this.#source = source;
    this.adapter = adapter;
    this.convolutions = convolutions;
    const usage = USAGE.storage | USAGE.uniform | USAGE.copySource | USAGE.copyTarget;
    this.#pool = new BufferPool(device, usage, pool, (scope, bytes, label) =>
      this.#errors.watch(scope, () => label, bytes),
    );
    this.#pipelines = new PipelineCache(device);
    this.#recorder = new Recorder(device);
    this.lost = device.lost.then((info) => this.#onLost(info));
  }

  /**
   * Acquires an adapter and a device, under Node or in a browser.
   *
   * @throws WebGpuUnavailableError when there is no WebGPU or no adapter, with the remedy.
   */
  static async create(options: DeviceOptions = {}): Promise<Device> {
    const source = options.gpu
      ? { gpu: options.gpu, hold: () => {}, release: () => {} }
      : await openGpu();
    try {
      const adapter = await source.gpu.requestAdapter({
        powerPreference: options.powerPreference ?? "high-performance",
      });
      if (!adapter) throw new WebGpuUnavailableError(noAdapterRemedy);
      const description = describeAdapter(adapter.info);
      const convolutions = await convolutionsFor(description);
      const device = await adapter.requestDevice(deviceDescriptor(adapter, options));
      source.hold(device);
      const pool = options.poolBytes ?? 512 * 2 ** 20;
      return new Device(device, description, convolutions, source, pool);
    } catch (error) {
      source.release();
      if (error instanceof TensorError) throw error;
      const detail = error instanceof Error ? error.message : String(error);
      throw new WebGpuUnavailableError(`No WebGPU device: ${detail}. ${noAdapterRemedy}`, {
        cause: error,
      });
    }
  }

  get limits(): GPUSupportedLimits {
    return this.#device.limits;
  }

  /** The raw device, for interoperation (canvas, external textures); do not destroy it. */
  get gpuDevice(): GPUDevice {
    return this.#device;
  }

  has(feature: OptionalFeature): boolean {
    return this.#device.features.has(feature);
  }

  get isLost(): boolean {
    return this.#loss !== undefined;
  }

  /** Calls `listener` when the device is lost; returns a function that removes it. */
  onLost(listener: (error: DeviceLostError) => void): () => void {
    this.#lossListeners.add(listener);
    return () => this.#lossListeners.delete(listener);
  }

  /** What is in use. `largest` names, of the tensors that live, what made those that hold most. */
  memory(): MemoryInfo & { pipelines: number; submits: number; dispatches: number } {
    return {
      ...this.#pool.info,
      pipelines: this.#pipelines.size,
      submits: this.#submits,
      dispatches: this.#recorder.dispatches,
    };
  }

  /** What made all live buffers, those that hold most first. */
  makers(): LiveBuffers[] {
    return this.#pool.makers();
  }

  /** Lends a storage buffer of at least `bytes`; its contents are undefined. */
  allocate(bytes: number, label = "buffer"): PooledBuffer {
    this.#assertAlive();
    return this.#pool.acquire(Math.max(16, Math.ceil(bytes / 16) * 16), label);
  }

  /** Takes a lent buffer back. */
  free(buffer: PooledBuffer): void {
    if (!this.#loss) this.#pool.release(buffer);
  }

  /**
   * Copies host data into a lent buffer, after all work recorded so far; shared memory too.
   *
   * @throws TensorError `DETACHED` for memory that was transferred away
   */
  write(target: PooledBuffer, data: ArrayBufferView, byteOffset = 0): void {
    this.#assertAlive();
    const bytes = hostBytes(data);
    this.flush();
    this.versions.count(target.buffer);
    const whole = bytes.length & ~3;
    this.#device.queue.writeBuffer(target.buffer, byteOffset, bytes, 0, whole);
    if (whole < bytes.length) {
      const tail = new Uint8Array(4);
      tail.set(bytes.subarray(whole));
      this.#device.queue.writeBuffer(target.buffer, byteOffset + whole, tail);
    }
  }

  /** Records one dispatch. Bindings follow `kernel.bindings`. */
  run(kernel: Kernel, bindings: readonly BufferBinding[]): void {
    this.#assertAlive();
    if (bindings.length !== kernel.bindings.length) {
      throw new GpuValidationError(
        kernel.name,
        `${bindings.length} buffers given for ${kernel.bindings.length} bindings`,
      );
    }
    for (const [i, { buffer, size }] of bindings.entries()) {
      this.#assertBindable(kernel.name, buffer, size);
      if (kernel.bindings[i] === "read_write") this.versions.count(buffer);
    }
    const compiled = this.#pipelines.get(kernel, (scope) => this.#errors.collect(scope));
    this.#recorder.dispatch(compiled, kernel, bindings.map(clampBinding));
    if (this.#recorder.length >= COMMANDS_PER_SUBMIT) this.flush();
  }

  /** Compiles a kernel ahead of its first `run`, without blocking; calls run in parallel. */
  prepare(kernel: Kernel): Promise<CompiledKernel> {
    this.#assertAlive();
    return this.#pipelines.prepare(kernel);
  }

  /**
   * Binds buffers to a compiled kernel once, for many `runPrepared`. With `params` (a slice of a buffer
   * that holds the kernel's params) as the last binding. A video frame is bound for as long as the browser keeps it.
   */
  bind(
    compiled: CompiledKernel,
    bindings: readonly (BufferBinding | GPUExternalTexture)[],
    params?: BufferBinding,
  ): GPUBindGroup {
    this.#assertAlive();
    const entries: GPUBindGroupEntry[] = bindings.map((resource, binding) => {
      if (!isBuffer(resource)) return { binding, resource };
      this.#assertBindable(compiled.name, resource.buffer, resource.size);
      return { binding, resource: clampBinding(resource) };
    });
    if (params) entries.push({ binding: entries.length, resource: params });
    this.#device.pushErrorScope("validation");
    const group = this.#device.createBindGroup({
      layout: compiled.layout,
      entries,
      label: compiled.name,
    });
    this.#errors.watch(this.#device.popErrorScope(), () => compiled.name);
    return group;
  }

  /** Records a dispatch whose bind group was made before (compiled plans). */
  runPrepared(
    compiled: CompiledKernel,
    kernel: Kernel,
    group: GPUBindGroup,
    offsets: number[],
  ): void {
    this.#assertAlive();
    this.#recorder.prepared(compiled, kernel, group, offsets);
  }

  /** Records a copy between buffers; offsets and size in bytes, multiples of 4. */
  copy(
    source: GPUBuffer,
    sourceOffset: number,
    target: GPUBuffer,
    targetOffset: number,
    bytes: number,
  ): void {
    this.#assertAlive();
    this.versions.count(target);
    this.#recorder.copy(source, sourceOffset, target, targetOffset, bytes);
  }

  /** Records zeroing of a lent buffer. */
  clear(buffer: PooledBuffer): void {
    this.#assertAlive();
    this.versions.count(buffer.buffer);
    this.#recorder.clear(buffer.buffer, Math.ceil(buffer.bytes / 4) * 4);
  }

  /** Submits recorded work without waiting for it. */
  flush(): void {
    if (this.#loss) return;
    if (this.#recorder.length > 0) {
      this.#device.pushErrorScope("out-of-memory");
      this.#device.pushErrorScope("validation");
      const timer = this.#timings && new DispatchTimer(this.#device, this.#recorder.length);
      const submitted = this.#recorder.submit(timer);
      this.#submits++;
      if (timer) this.#timings?.push(timer.read());
      this.#errors.watch(this.#device.popErrorScope(), submitted);
      this.#errors.watch(this.#device.popErrorScope(), submitted);
    }
    this.#pool.destroyEvicted();
  }

  /**
   * Submits recorded work and reads `bytes` of a buffer back.
   *
   * @throws GpuValidationError, GpuOutOfMemoryError or DeviceLostError for this or earlier work.
   */
  async read(source: GPUBuffer, bytes: number, byteOffset = 0): Promise<ArrayBuffer> {
    this.#assertAlive();
    const size = Math.ceil(bytes / 16) * 16;
    const capacity = Math.max(256, 2 ** Math.ceil(Math.log2(size)));
    const staging = this.#staging.get(capacity)?.pop() ?? this.#createStaging(capacity);
    this.#recorder.copy(source, byteOffset, staging, 0, Math.ceil(bytes / 4) * 4);
    this.flush();
    // Taken now, so that what is submitted meanwhile by others reports to their own reads.
    const scopes = this.#errors.take();
    let copy = new ArrayBuffer(0);
    try {
      await restDuring(staging.mapAsync(MAP_READ, 0, size));
      copy = staging.getMappedRange(0, size).slice(0, bytes);
      staging.unmap();
      const free = this.#staging.get(capacity);
      if (free) free.push(staging);
      else this.#staging.set(capacity, [staging]);
    } catch (error) {
      const { message } = error as Error;
      scopes.push(Promise.resolve(new GpuValidationError("a read-back", message)));
    }
    await this.#throwErrors(scopes);
    return copy;
  }

  /** Submits recorded work and waits until the GPU has done it; errors as `read`. */
  async sync(): Promise<void> {
    this.#assertAlive();
    this.flush();
    const scopes = this.#errors.take();
    await restDuring(this.#device.queue.onSubmittedWorkDone()).catch(() => undefined);
    await this.#throwErrors(scopes);
  }

  /**
   * Times every dispatch of `work`, which begins before this returns, or on a device of `createHostDevice(engine)` every
   * kernel, by the threads' clock. Else it needs the `timestamp-query` feature: returns an empty list without.
   */
  async profile(work: () => void | Promise<void>): Promise<KernelTiming[]> {
    const profiler = profilerOf(this);
    if (profiler) return profiler(work);
    if (!this.has("timestamp-query")) {
      await work();
      return [];
    }
    this.flush();
    const timings: Promise<KernelTiming[]>[] = [];
    this.#timings = timings;
    try {
      await work();
      this.flush();
      return (await Promise.all(timings)).flat();
    } finally {
      this.#timings = undefined;
    }
  }

  /** Frees buffers kept for reuse. */
  trim(): void {
    this.flush();
    this.#pool.trim();
    this.#recorder.trim();
    for (const list of this.#staging.values()) for (const buffer of list) buffer.destroy();
    this.#staging.clear();
  }

  /** Ends the device: pending reads reject with DeviceLostError, and Node may exit. */
  destroy(): void {
    this.#device.destroy();
    this.#loss ??= new DeviceLostError("destroyed", "");
    this.#recorder.destroy();
    this.#source.release();
  }

  #assertAlive(): void {
    if (this.#loss) throw this.#loss;
  }

  #assertBindable(kernel: string, buffer: GPUBuffer, size: number | undefined): void {
    const bytes = size ?? buffer.size;
    if (bytes <= this.limits.maxStorageBufferBindingSize) return;
    throw new GpuOutOfMemoryError(
      kernel,
      `a ${bytes}-byte operand exceeds the adapter's largest binding ` +
        `(${this.limits.maxStorageBufferBindingSize} bytes)`,
    );
  }

  #createStaging(capacity: number): GPUBuffer {
    return this.#device.createBuffer({
      size: capacity,
      usage: USAGE.mapRead | USAGE.copyTarget,
      label: "read-back",
    });
  }

  async #throwErrors(scopes: readonly Outcome[]): Promise<void> {
    const first = (await Promise.all(scopes)).find((error) => error !== undefined);
    // wgpu tells of a loss only after the calls that failed for it.
    if (first) await new Promise((resolve) => setTimeout(resolve));
    if (this.#loss) throw this.#loss;
    if (first) throw first;
  }

  #onLost(info: GPUDeviceLostInfo): DeviceLostError {
    this.#loss ??= new DeviceLostError(info.reason ?? "unknown", info.message);
    this.#recorder.destroy();
    this.#source.release();
    for (const listener of this.#lossListeners) listener(this.#loss);
    this.#lossListeners.clear();
    return this.#loss;
  }
}

function isBuffer(resource: BufferBinding | GPUExternalTexture): resource is BufferBinding {
  return "buffer" in resource;
}

function clampBinding(binding: BufferBinding): BufferBinding {
  const { buffer, offset = 0, size } = binding;
  return { buffer, offset, size: size ?? buffer.size - offset };
}
