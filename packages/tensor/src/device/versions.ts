import type { GPUBuffer } from "../core/web.js";

/**
 * How often each buffer was written. Whoever remembers the count beside what it read from a buffer can tell later
 * whether that still holds. Dispatches, copies, uploads and clears count by themselves; prepared dispatches, whose
 * bindings WebGPU does not show, are counted by who records them.
 */
export class BufferVersions {
  readonly #writes = new WeakMap<GPUBuffer, number>();

  of(buffer: GPUBuffer): number {
    return this.#writes.get(buffer) ?? 0;
  }

  count(buffer: GPUBuffer): void {
    this.#writes.set(buffer, this.of(buffer) + 1);
  }
}
