import { DisposedError } from "../core/errors.js";
import { readTensors } from "../core/read-tensors.js";
import { Storage } from "../core/storage.js";
import type { Tensor } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { type FoldedWeights, foldParts, tensorsOfPart } from "./fold.js";
import type { ConvNode, ConvPart } from "./graph.js";
import type { Lowered } from "./lower.js";
import type { PlannedConv } from "./steps.js";

/** Memory that a plan binds for its constants, held until `release`. */
export interface TakenWeights {
  readonly packed: ReadonlyMap<ConvNode, Storage>;
  readonly constants: ReadonlyMap<Tensor, Storage>;
  release(): void;
}

/** What a plan needs of weights: see `Lowered`. */
type Needed = Pick<Lowered, "convs" | "constants" | "state">;

/** Something made of tensors' values, and which values those were. */
interface Made<T> {
  readonly versions: string;
  readonly value: T;
}

/**
 * Copies of weights as they were when plans took them: of convolutions folded and packed, of the rest as they are. The
 * plans of one network share them: a plan for another input size finds most of them made already.
 *
 * The store keeps the latest copy of each; older ones live as long as the plans that bind them.
 */
export class WeightStore {
  readonly device: Device;
  readonly #ids = new WeakMap<Storage, number>();
  readonly #folded = new Map<string, Made<FoldedWeights>>();
  readonly #storages = new Map<string, Made<Storage>>();
  #nextId = 0;
  #disposed = false;

  constructor(device: Device) {
    this.device = device;
  }

  /** Bytes of the copies. */
  get bytes(): number {
    return [...this.#storages.values()].reduce((n, { value }) => n + value.buffer.bytes, 0);
  }

  /**
   * Copies of the present values of what convolutions and other operations need, made where they are not yet.
   * @throws DisposedError when one of the tensors, or the store, is disposed
   */
  async take({ convs, constants, state }: Needed): Promise<TakenWeights> {
    this.#assertAlive();
    const held: Storage[] = [];
    const hold = (storage: Storage): Storage => {
      storage.retain();
      held.push(storage);
      return storage;
    };
    const release = () => {
      for (const storage of held.splice(0)) storage.release();
    };
    try {
      const bound = new Map(constants.map((tensor) => [tensor, hold(this.#copy(tensor))]));
      for (const tensor of state) bound.set(tensor, hold(tensor.storage));
      const folding = this.#fold(convs.map(({ node }) => node.parts));
      const versions = convs.map(({ node }) => this.#versions(node.parts));
      const folded = await folding;
      const packed = this.#pack(convs, versions, folded, hold);
      return { packed, constants: bound, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  dispose(): void {
    this.#disposed = true;
    for (const { value } of this.#storages.values()) value.release();
    this.#storages.clear();
    this.#folded.clear();
  }

  #assertAlive(): void {
    if (this.#disposed) throw new DisposedError("A WeightStore", "make a new one");
  }

  /** The tensor's values, in memory of their own. */
  #copy(tensor: Tensor): Storage {
    const key = `${this.#id(tensor)}`;
    const versions = `${tensor.version}`;
    const known = this.#storages.get(key);
    if (known?.versions === versions) return known.value;
    const { buffer, offset, bytes } = tensor.storage;
    const copy = new Storage(this.device, bytes, "constants of a plan");
    this.device.copy(buffer.buffer, offset, copy.buffer.buffer, 0, bytes);
    this.#keep(key, versions, copy);
    return copy;
  }

  /** Folded weights by their parts' key. What has to be read is copied before this returns. */
  async #fold(convs: readonly (readonly ConvPart[])[]): Promise<Map<string, FoldedWeights>> {
    const folded = new Map<string, FoldedWeights>();
    const missing = new Map<string, { parts: readonly ConvPart[]; versions: string }>();
    for (const parts of convs) {
      const key = this.#key(parts);
      const versions = this.#versions(parts);
      const known = this.#folded.get(key);
      if (known?.versions === versions) folded.set(key, known.value);
      else missing.set(key, { parts, versions });
    }
    const needed = [...missing.values()].flatMap(({ parts }) => parts.flatMap(tensorsOfPart));
    const host = await readTensors(this.device, needed);
    for (const [key, { parts, versions }] of missing) {
      const value = foldParts(parts, host);
      folded.set(key, value);
      if (!this.#disposed) this.#folded.set(key, { versions, value });
    }
    return folded;
  }

  /** Finds or packs each convolution's weights; those to pack are uploaded in one go. */
  #pack(
    convs: readonly PlannedConv[],
    versions: readonly string[],
    folded: ReadonlyMap<string, FoldedWeights>,
    hold: (storage: Storage) => Storage,
  ): Map<ConvNode, Storage> {
    this.#assertAlive();
    const upload = new Upload(this.device);
    const packed = new Map<ConvNode, Storage>();
    for (const [i, conv] of convs.entries()) {
      const key = this.#packedKey(conv);
      const known = this.#storages.get(key);
      let storage = known?.value;
      if (known?.versions !== versions[i] || !storage) {
        storage = new Storage(this.device, conv.launch.packedLength * 4, "packed weights");
        this.#keep(key, versions[i], storage);
        upload.add(conv, folded.get(this.#key(conv.node.parts))!, storage);
      }
      packed.set(conv.node, hold(storage));
    }
    upload.run();
    return packed;
  }

  #keep(key: string, versions: string, value: Storage): void {
    value.retain();
    this.#storages.get(key)?.value.release();
    this.#storages.set(key, { versions, value });
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
      return [part.bias ? "b" : "", ...tensors, part.norm?.eps ?? ""].join();
    });
    return keys.join("+");
  }

  #versions(parts: readonly ConvPart[]): string {
    return parts
      .flatMap(tensorsOfPart)
      .map(({ version }) => version)
      .join();
  }

  /** Names a tensor's memory under its shape. */
  #id({ storage, shape }: Tensor): string {
    let id = this.#ids.get(storage);
    if (id === undefined) {
      id = this.#nextId++;
      this.#ids.set(storage, id);
    }
    return `${id}:${shape.join("x")}`;
  }
}

/** Elements between slices that can be bound on their own: 256 bytes. */
const BINDING_ALIGNMENT = 64;

/** Folded weights on their way to the device, all in one buffer, from which each is packed. */
class Upload {
  readonly #device: Device;
  readonly #convs: {
    readonly conv: PlannedConv;
    readonly folded: FoldedWeights;
    readonly packed: Storage;
    readonly weight: number;
    readonly bias: number;
  }[] = [];
  #length = 0;

  constructor(device: Device) {
    this.#device = device;
  }

  add(conv: PlannedConv, folded: FoldedWeights, packed: Storage): void {
    const [weight, bias] = [folded.weight, folded.bias].map(({ length }) => this.#reserve(length));
    this.#convs.push({ conv, folded, packed, weight, bias });
  }

  run(): void {
    if (this.#length === 0) return;
    const values = new Float32Array(this.#length);
    for (const { folded, weight, bias } of this.#convs) {
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
    for (const { conv, folded, packed, weight, bias } of this.#convs) {
      this.#device.run(conv.launch.pack(true), [
        slice(upload, weight, folded.weight.length),
        slice(upload, bias, folded.bias.length),
        slice(packed, 0, conv.launch.packedLength),
      ]);
    }
    this.#device.flush();
    upload.release();
  }

  #reserve(elements: number): number {
    const at = this.#length;
    this.#length += Math.ceil(elements / BINDING_ALIGNMENT) * BINDING_ALIGNMENT;
    return at;
  }
}

function slice(storage: Storage, offset: number, elements: number): BufferBinding {
  const size = Math.ceil(elements / 4) * 16;
  return { buffer: storage.buffer.buffer, offset: offset * 4, size };
}
