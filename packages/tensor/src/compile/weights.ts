import type { Device } from "../device/device.js";
import { record } from "../ops/op.js";
import { tidy } from "../scope.js";
import { Storage, type Tensor, tensor } from "../tensor.js";
import { type FoldedWeights, foldParts, readTensors, tensorsOfPart } from "./fold.js";
import type { ConvPart } from "./graph.js";
import type { PlannedConv } from "./steps.js";

/**
 * Folded and packed convolution weights, shared by the plans of one network: a plan for another input
 * size finds most of them packed already.
 */
export class WeightStore {
  readonly #device: Device;
  readonly #ids = new WeakMap<Tensor, number>();
  readonly #folded = new Map<string, FoldedWeights>();
  readonly #packed = new Map<string, Storage>();
  #nextId = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Bytes of packed weights. */
  get bytes(): number {
    return [...this.#packed.values()].reduce((n, storage) => n + storage.buffer.bytes, 0);
  }

  /** Packs what the convolutions need and has not been packed before. */
  async pack(convs: readonly PlannedConv[]): Promise<Map<PlannedConv, Storage>> {
    await this.#fold(convs.map(({ node }) => node.parts));
    const result = new Map<PlannedConv, Storage>();
    for (const conv of convs) {
      const parts = this.#key(conv.node.parts);
      const pack = conv.launch.pack(true);
      const layout = new Uint32Array(pack.params ?? new ArrayBuffer(0)).join();
      const key = `${parts}|${pack.name}|${layout}`;
      let packed = this.#packed.get(key);
      if (!packed) {
        packed = this.#packOne(conv, this.#folded.get(parts)!);
        this.#packed.set(key, packed);
      }
      result.set(conv, packed);
    }
    return result;
  }

  dispose(): void {
    for (const storage of this.#packed.values()) storage.release();
    this.#packed.clear();
    this.#folded.clear();
  }

  async #fold(convs: readonly (readonly ConvPart[])[]): Promise<void> {
    const missing = convs.filter((parts) => !this.#folded.has(this.#key(parts)));
    const needed = missing.flatMap((parts) => parts.flatMap(tensorsOfPart));
    const host = await readTensors(this.#device, needed);
    for (const parts of missing) this.#folded.set(this.#key(parts), foldParts(parts, host));
  }

  #packOne({ node, launch }: PlannedConv, { weight, bias }: FoldedWeights): Storage {
    const storage = new Storage(this.#device, launch.packedLength * 4, "packed weights");
    storage.retain();
    const elements = weight.length / bias.length;
    tidy(() => {
      const [, , kh, kw] = node.parts[0].weight.shape;
      const oihw = tensor(this.#device, weight, [bias.length, elements / (kh * kw), kh, kw]);
      const biases = tensor(this.#device, bias, [bias.length]);
      const packed = { buffer: storage.buffer.buffer, size: storage.buffer.bytes };
      record(this.#device, (run) => run.kernel(launch.pack(true), [oihw, biases, packed]));
    });
    return storage;
  }

  #key(parts: readonly ConvPart[]): string {
    return parts.map(({ weight }) => this.#id(weight)).join("+");
  }

  #id(weight: Tensor): number {
    let id = this.#ids.get(weight);
    if (id === undefined) {
      id = this.#nextId++;
      this.#ids.set(weight, id);
    }
    return id;
  }
}
