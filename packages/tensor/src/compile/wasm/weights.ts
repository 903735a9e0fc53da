import { readTensors } from "../../core/read-tensors.js";
import type { Tensor } from "../../core/tensor.js";
import type { Device } from "../../device/device.js";
import type { WasmEngine } from "../../wasm/engine.js";
import type { Block } from "../../wasm/memory.js";

/** Constants of a step: what they are made of, and how. */
export interface Constants {
  /** The layout, with all that decides it besides the tensors' values. */
  readonly layout: string;
  readonly tensors: readonly Tensor[];
  make(host: ReadonlyMap<Tensor, Float32Array>): Float32Array;
}

/**
 * Folded and packed weights in an engine's memory, shared by the plans of one network: a plan for another input size
 * finds them there. They are known by their tensors, how often these were written, and the layout.
 */
export class WasmWeights {
  readonly engine: WasmEngine;
  readonly #ids = new WeakMap<Tensor, number>();
  readonly #blocks = new Map<string, Block>();
  #nextId = 0;

  constructor(engine: WasmEngine) {
    this.engine = engine;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return [...this.#blocks.values()].reduce((total, { bytes }) => total + bytes, 0);
  }

  /** Makes what is not there yet. @throws WasmOutOfMemoryError */
  async prepare(device: Device, needed: readonly Constants[]): Promise<Map<Constants, Block>> {
    const missing = new Map<string, Constants>();
    for (const constants of needed) {
      const key = this.#key(constants);
      if (!this.#blocks.has(key)) missing.set(key, constants);
    }
    const tensors = [...missing.values()].flatMap((constants) => constants.tensors);
    const host = await readTensors(device, tensors);
    for (const [key, constants] of missing) {
      const values = constants.make(host);
      const block = this.engine.allocate(values.byteLength);
      this.#blocks.set(key, block);
      this.engine.write(block, values);
    }
    return new Map(needed.map((constants) => [constants, this.#blocks.get(this.#key(constants))!]));
  }

  dispose(): void {
    for (const block of this.#blocks.values()) this.engine.free(block);
    this.#blocks.clear();
  }

  #key({ layout, tensors }: Constants): string {
    return `${layout}|${tensors.map((tensor) => `${this.#id(tensor)}.${tensor.version}`).join()}`;
  }

  #id(tensor: Tensor): number {
    let id = this.#ids.get(tensor);
    if (id === undefined) {
      id = this.#nextId++;
      this.#ids.set(tensor, id);
    }
    return id;
  }
}
