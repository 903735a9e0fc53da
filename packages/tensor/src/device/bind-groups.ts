import type { GPUBindGroup, GPUBindGroupLayout, GPUBuffer, GPUDevice } from "../core/web.js";

/** One buffer argument of a dispatch; `offset` in bytes, a multiple of 256. */
export interface BufferBinding {
  readonly buffer: GPUBuffer;
  readonly offset?: number;
  readonly size?: number;
}

/** Groups kept: several training steps' worth. Past that all are dropped and made anew. */
const CAPACITY = 8192;

/**
 * Bind groups by what they bind. A loop that allocates and frees the same tensors every time gets the same
 * pooled buffers, so that its bind groups are made once: making one costs as much as all the rest of
 * recording a dispatch.
 */
export class BindGroupCache {
  readonly #device: GPUDevice;
  readonly #ids = new WeakMap<GPUBuffer | GPUBindGroupLayout, number>();
  readonly #groups = new Map<string, GPUBindGroup>();
  #nextId = 0;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  get(layout: GPUBindGroupLayout, bindings: readonly BufferBinding[], label: string): GPUBindGroup {
    let key = `${this.#id(layout)}`;
    for (const { buffer, offset = 0, size = 0 } of bindings) {
      key += `|${this.#id(buffer)},${offset},${size}`;
    }
    let group = this.#groups.get(key);
    if (!group) {
      const entries = bindings.map((resource, binding) => ({ binding, resource }));
      group = this.#device.createBindGroup({ layout, entries, label });
      if (this.#groups.size >= CAPACITY) this.#groups.clear();
      this.#groups.set(key, group);
    }
    return group;
  }

  clear(): void {
    this.#groups.clear();
  }

  #id(object: GPUBuffer | GPUBindGroupLayout): number {
    let id = this.#ids.get(object);
    if (id === undefined) {
      id = this.#nextId++;
      this.#ids.set(object, id);
    }
    return id;
  }
}
