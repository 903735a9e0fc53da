import { readTensors } from "../core/read-tensors.js";
import { Storage } from "../core/storage.js";
import type { Tensor } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { type FoldedWeights, foldParts, tensorsOfPart } from "./fold.js";
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
    const keys = new Map(convs.map((conv) => [conv, this.#packedKey(conv)]));
    const missing = new Map<string, PlannedConv>();
    for (const [conv, key] of keys) if (!this.#packed.has(key)) missing.set(key, conv);
    this.#packAll(missing);
    return new Map([...keys].map(([conv, key]) => [conv, this.#packed.get(key)!]));
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

  /** Uploads all folded weights in one go, then packs each from its place there. */
  #packAll(convs: ReadonlyMap<string, PlannedConv>): void {
    const places: { key: string; conv: PlannedConv; weight: number; bias: number }[] = [];
    let length = 0;
    const reserve = (elements: number): number => {
      const at = length;
      length += Math.ceil(elements / BINDING_ALIGNMENT) * BINDING_ALIGNMENT;
      return at;
    };
    for (const [key, conv] of convs) {
      const { weight, bias } = this.#folded.get(this.#key(conv.node.parts))!;
      const place = { weight: reserve(weight.length), bias: reserve(bias.length) };
      places.push({ key, conv, ...place });
    }
    if (length === 0) return;
    const values = new Float32Array(length);
    for (const { conv, weight, bias } of places) {
      const folded = this.#folded.get(this.#key(conv.node.parts))!;
      values.set(folded.weight, weight);
      values.set(folded.bias, bias);
    }
    const upload = new Storage(
      this.#device,
      values.byteLength,
      "weights on their way to the device",
    );
    upload.retain();
    this.#device.write(upload.buffer, values);
    for (const { key, conv, weight, bias } of places) {
      const { launch, node } = conv;
      const folded = this.#folded.get(this.#key(node.parts))!;
      const packed = new Storage(this.#device, launch.packedLength * 4, "packed weights");
      packed.retain();
      this.#packed.set(key, packed);
      this.#device.run(launch.pack(true), [
        slice(upload, weight, folded.weight.length),
        slice(upload, bias, folded.bias.length),
        slice(packed, 0, launch.packedLength),
      ]);
    }
    this.#device.flush();
    upload.release();
  }

  /** Same weights in the same layout: the pack kernel's params tell it but for the room that slices are bound with. */
  #packedKey({ node, launch }: PlannedConv): string {
    const pack = launch.pack(true);
    const layout = new Uint32Array(pack.params ?? new ArrayBuffer(0)).join();
    return `${this.#key(node.parts)}|${pack.name}|${layout}|${launch.packedLength}`;
  }

  /** All that folding reads. */
  #key(parts: readonly ConvPart[]): string {
    const keys = parts.map((part) => {
      const tensors = tensorsOfPart(part).map((tensor) => this.#id(tensor));
      return [part.bias ? "b" : "", tensors, part.norm?.eps ?? ""].join();
    });
    return keys.join("+");
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

/** Elements between slices that can be bound on their own: 256 bytes. */
const BINDING_ALIGNMENT = 64;

function slice(storage: Storage, offset: number, elements: number): BufferBinding {
  const size = Math.ceil(elements / 4) * 16;
  return { buffer: storage.buffer.buffer, offset: offset * 4, size };
}
