import { GpuOutOfMemoryError } from "../core/errors.js";
import type { GPUBuffer, GPUBufferUsageFlags, GPUDevice, GPUError } from "../core/web.js";

/** A span of GPU memory lent by the pool; `bytes` is what was asked for, `capacity` what is there. */
export interface PooledBuffer {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly capacity: number;
  /** What it was lent for. */
  readonly label: string;
}

/** Buffers that are lent for one purpose. */
export interface LiveBuffers {
  /** The operation that made the tensors, or what else the memory is for: `conv2d`, `parameter`, `gradient`. */
  readonly madeBy: string;
  readonly buffers: number;
  readonly bytes: number;
}

/** Counts of a device's buffers. */
export interface MemoryInfo {
  /** Buffers lent out and not yet returned. */
  liveBuffers: number;
  liveBytes: number;
  /** Bytes kept for reuse. */
  pooledBytes: number;
  /** The most bytes (live + pooled) so far. */
  peakBytes: number;
  /** What the live buffers were made by: those that hold most, the largest first. */
  largest: LiveBuffers[];
}

/** Entries of `MemoryInfo.largest`. */
const SHOWN = 8;

const MIN_CLASS = 256;

/** Size class of a request: eighths of a power of two, so that at most 12.5% is wasted. */
export function sizeClass(bytes: number): number {
  if (bytes <= MIN_CLASS) return MIN_CLASS;
  const step = Math.max(MIN_CLASS, 2 ** (Math.floor(Math.log2(bytes)) - 3));
  return Math.ceil(bytes / step) * step;
}

/**
 * Reuses GPU buffers by size class.
 *
 * A returned buffer may be lent again at once: all work goes through one queue in order, so a later
 * dispatch cannot overtake an earlier reader. Only host writes jump that order; `Device.write` flushes
 * recorded work first. The oldest free buffer is lent first, so that a loop which allocates and frees
 * the same every time gets the same buffers every time, and its bind groups can be reused.
 */
export class BufferPool {
  readonly #device: GPUDevice;
  readonly #usage: GPUBufferUsageFlags;
  readonly #limit: number;
  readonly #free = new Map<number, GPUBuffer[]>();
  /** Buffers by the order in which they were made. */
  readonly #order = new WeakMap<GPUBuffer, number>();
  #created = 0;
  readonly #evicted: GPUBuffer[] = [];
  /** Buffers that turned out to have no memory: never lent again. */
  readonly #failed = new WeakSet<GPUBuffer>();
  readonly #info = { liveBuffers: 0, liveBytes: 0, pooledBytes: 0, peakBytes: 0 };
  /** Live buffers by label. */
  readonly #makers = new Map<string, { buffers: number; bytes: number }>();
  readonly #onError: (scope: Promise<GPUError | null>, bytes: number, label: string) => void;

  constructor(
    device: GPUDevice,
    usage: GPUBufferUsageFlags,
    keepBytes: number,
    onError: (scope: Promise<GPUError | null>, bytes: number, label: string) => void,
  ) {
    this.#device = device;
    this.#usage = usage;
    this.#limit = keepBytes;
    this.#onError = onError;
  }

  get info(): MemoryInfo {
    return { ...this.#info, largest: this.makers().slice(0, SHOWN) };
  }

  /** What all live buffers were made by, those that hold most first. */
  makers(): LiveBuffers[] {
    const all = [...this.#makers].map(([madeBy, counts]) => ({ madeBy, ...counts }));
    return all.sort((a, b) => b.bytes - a.bytes);
  }

  acquire(bytes: number, label: string): PooledBuffer {
    const capacity = sizeClass(bytes);
    if (capacity > this.#device.limits.maxBufferSize) {
      throw new GpuOutOfMemoryError(
        label,
        `${bytes} bytes exceed the adapter's largest buffer (${this.#device.limits.maxBufferSize})`,
      );
    }
    const reused = this.#free.get(capacity)?.pop();
    if (reused) this.#info.pooledBytes -= capacity;
    const buffer = reused ?? this.#create(capacity, label);
    this.#count(label, 1, capacity);
    const total = this.#info.liveBytes + this.#info.pooledBytes;
    if (total > this.#info.peakBytes) this.#info.peakBytes = total;
    return { buffer, bytes, capacity, label };
  }

  release(pooled: PooledBuffer): void {
    this.#count(pooled.label, -1, -pooled.capacity);
    const full = this.#info.pooledBytes + pooled.capacity > this.#limit;
    if (full || this.#failed.has(pooled.buffer)) {
      this.#evicted.push(pooled.buffer);
      return;
    }
    this.#info.pooledBytes += pooled.capacity;
    const list = this.#free.get(pooled.capacity);
    if (list) this.#insert(list, pooled.buffer);
    else this.#free.set(pooled.capacity, [pooled.buffer]);
  }

  /** Destroys what `release` set aside; call it when no recorded, unsubmitted work can name it. */
  destroyEvicted(): void {
    for (const buffer of this.#evicted) buffer.destroy();
    this.#evicted.length = 0;
  }

  /** Frees every pooled buffer; same condition as `destroyEvicted`. */
  trim(): void {
    this.destroyEvicted();
    for (const list of this.#free.values()) for (const buffer of list) buffer.destroy();
    this.#free.clear();
    this.#info.pooledBytes = 0;
  }

  #count(label: string, buffers: number, bytes: number): void {
    this.#info.liveBuffers += buffers;
    this.#info.liveBytes += bytes;
    const maker = this.#makers.get(label);
    if (!maker) this.#makers.set(label, { buffers, bytes });
    else if (maker.buffers + buffers === 0) this.#makers.delete(label);
    else {
      maker.buffers += buffers;
      maker.bytes += bytes;
    }
  }

  /** Keeps the oldest buffer last, which is the next to be lent. */
  #insert(list: GPUBuffer[], buffer: GPUBuffer): void {
    const order = this.#order.get(buffer)!;
    let at = list.length;
    while (at > 0 && this.#order.get(list[at - 1])! < order) at--;
    list.splice(at, 0, buffer);
  }

  #create(capacity: number, label: string): GPUBuffer {
    this.#device.pushErrorScope("out-of-memory");
    const buffer = this.#device.createBuffer({ size: capacity, usage: this.#usage, label });
    this.#order.set(buffer, this.#created++);
    const scope = this.#device.popErrorScope();
    this.#onError(scope, capacity, label);
    scope.then(
      (error) => error && this.#discard(buffer, capacity),
      () => undefined,
    );
    return buffer;
  }

  #discard(buffer: GPUBuffer, capacity: number): void {
    this.#failed.add(buffer);
    const list = this.#free.get(capacity);
    const at = list?.indexOf(buffer) ?? -1;
    if (at < 0) return;
    list!.splice(at, 1);
    this.#info.pooledBytes -= capacity;
  }
}
