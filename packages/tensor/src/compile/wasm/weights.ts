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

/** Weights in an engine's memory for one plan. */
export interface HeldWeights {
  readonly blocks: ReadonlyMap<Constants, Block>;
  /** Gives them back. */
  release(): void;
}

/** Some constants as they were when they were packed. */
interface Packed {
  readonly block: Block;
  readonly versions: string;
  /** Plans that hold it. */
  users: number;
  isLatest: boolean;
}

/**
 * Folded and packed weights in an engine's memory, shared by the plans of one network: a plan for another input size
 * finds them there. They are known by their tensors and the layout, and packed anew where tensors were written since.
 *
 * The latest of each are kept; older ones as long as a plan holds them.
 */
export class WasmWeights {
  readonly engine: WasmEngine;
  readonly #ids = new WeakMap<Tensor, number>();
  readonly #latest = new Map<string, Packed>();
  #nextId = 0;

  constructor(engine: WasmEngine) {
    this.engine = engine;
  }

  /** Bytes of the latest. */
  get bytes(): number {
    return [...this.#latest.values()].reduce((total, { block }) => total + block.bytes, 0);
  }

  /** Makes what is not there yet. @throws WasmOutOfMemoryError */
  async prepare(device: Device, needed: readonly Constants[]): Promise<HeldWeights> {
    const wanted = needed.map((constants) => ({
      constants,
      key: this.#key(constants),
      versions: constants.tensors.map(({ version }) => version).join(),
    }));
    const missing = wanted.filter(
      ({ key, versions }) => this.#latest.get(key)?.versions !== versions,
    );
    const tensors = missing.flatMap(({ constants }) => constants.tensors);
    const host = await readTensors(device, tensors);
    const held = new Map<Constants, Packed>();
    for (const { constants, key, versions } of wanted) {
      const known = this.#latest.get(key);
      const isKnown = known?.versions === versions;
      const packed = isKnown ? known : this.#pack(key, versions, constants.make(host));
      packed.users++;
      held.set(constants, packed);
    }
    const blocks = new Map([...held].map(([constants, { block }]) => [constants, block]));
    return { blocks, release: () => this.#release(held) };
  }

  dispose(): void {
    for (const { block } of this.#latest.values()) this.engine.free(block);
    this.#latest.clear();
  }

  #pack(key: string, versions: string, values: Float32Array): Packed {
    const block = this.engine.allocate(values.byteLength);
    this.engine.write(block, values);
    const packed = { block, versions, users: 0, isLatest: true };
    const before = this.#latest.get(key);
    this.#latest.set(key, packed);
    if (before) before.isLatest = false;
    if (before?.users === 0) this.engine.free(before.block);
    return packed;
  }

  #release(held: Map<Constants, Packed>): void {
    for (const packed of held.values()) {
      packed.users--;
      if (packed.users === 0 && !packed.isLatest) this.engine.free(packed.block);
    }
    held.clear();
  }

  #key({ layout, tensors }: Constants): string {
    return `${layout}|${tensors.map((tensor) => this.#id(tensor)).join()}`;
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
