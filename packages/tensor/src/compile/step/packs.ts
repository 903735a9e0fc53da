/**
 * The packed weights of a step's convolutions, made anew at the start of each run by one dispatch.
 *
 * Packing moves elements to places. Where to is found out once, by letting each packing kernel pack the numbers
 * 1, 2, 3 … of its sources: what comes out is an index, and what is 0 stays 0. It packs the same numbers in reverse
 * as well: a kernel that computes instead of moving fails that comparison, and then runs itself at each run, as do
 * the packings of large weights, for which a dispatch of their own is cheap and an index dear.
 */
import { KEEP, type Kernel, takeElements } from "@retinaface-webgpu/kernels-wgsl";
import { keep } from "../../core/scope.js";
import { Storage } from "../../core/storage.js";
import { type Tensor, zeros } from "../../core/tensor.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import type { Packed } from "./webgpu.js";
import { layoutKey } from "./webgpu.js";

/** Elements of one packing from which on a dispatch of its own costs less than reading an index. */
const LARGE = 1 << 18;
/** Elements that one dispatch takes: 16 MiB, an eighth of what every adapter can bind. */
const MOST_TAKEN = 1 << 22;
/** Elements between slices that can be bound on their own: 256 bytes. */
const SPACING = 64;

/** A dispatch that packs. */
export interface PackDispatch {
  readonly kernel: Kernel;
  readonly bindings: readonly BufferBinding[];
}

/** The packed weights of one plan. */
export class PackedWeights {
  readonly dispatches: readonly PackDispatch[];
  readonly bytes: number;
  readonly #values: Tensor | undefined;
  readonly #indices: readonly Storage[];
  readonly #places: ReadonlyMap<Packed, number>;

  private constructor(parts: {
    dispatches: readonly PackDispatch[];
    values: Tensor | undefined;
    indices: readonly Storage[];
    places: ReadonlyMap<Packed, number>;
  }) {
    this.dispatches = parts.dispatches;
    this.#values = parts.values;
    this.#indices = parts.indices;
    this.#places = parts.places;
    const indexBytes = parts.indices.reduce((sum, { bytes }) => sum + bytes, 0);
    this.bytes = indexBytes + (parts.values?.size ?? 0) * 4;
  }

  /** Finds out how to pack everything; reads back from the device. */
  static async create(device: Device, packs: readonly Packed[]): Promise<PackedWeights> {
    const order = await findOrders(device, packs);
    const isTaken = (pack: Packed) => order.has(orderKey(pack));
    const places = new Map<Packed, number>();
    const room = new Room();
    // Those with an index side by side, so that it has no gaps.
    const sorted = [...packs.filter(isTaken), ...packs.filter((pack) => !isTaken(pack))];
    for (const pack of sorted) places.set(pack, room.take(pack.room.written));
    // What is bound beyond a packing's own elements is not read: there may lie another.
    const size = packs.reduce((n, pack) => Math.max(n, places.get(pack)! + pack.room.elements), 0);
    if (size === 0) {
      return new PackedWeights({ dispatches: [], values: undefined, indices: [], places });
    }
    const values = keep(zeros(device, [size]));
    const sources: Sources = new Map();
    const own: PackDispatch[] = [];
    for (const pack of sorted) {
      const place = places.get(pack)!;
      const found = order.get(orderKey(pack));
      if (found) writeIndex(pack, found, place, sources);
      else {
        const slice = sliceOf(values, place, pack.room.written);
        const bindings = [...pack.sources.map(({ binding }) => binding), slice];
        own.push({ kernel: pack.kernel, bindings });
      }
    }
    const { dispatches, indices } = takeAll(device, sources, values);
    // What the index has nothing for becomes 0 at first, among that what these pack.
    dispatches.push(...own);
    return new PackedWeights({ dispatches, values, indices, places });
  }

  /** A part of a convolution's packed weights; offset and size in bytes. */
  binding(pack: Packed, offset: number, bytes: number): BufferBinding {
    const { buffer } = this.#values!.storage.buffer;
    return { buffer, offset: this.#places.get(pack)! * 4 + offset, size: bytes };
  }

  dispose(): void {
    this.#values?.dispose();
    for (const storage of this.#indices) storage.release();
  }
}

function orderKey({ kernel, sources }: Packed): string {
  return `${layoutKey(kernel)}|${sources.map(({ size }) => size)}`;
}

/**
 * For each layout, which of the sources' elements, counted over all of them from 1, each packed element is, or 0;
 * layouts whose kernel shall run itself are not among them.
 */
async function findOrders(
  device: Device,
  packs: readonly Packed[],
): Promise<Map<string, Float32Array>> {
  const unique = new Map<string, Packed>();
  for (const pack of packs) if (pack.room.written <= LARGE) unique.set(orderKey(pack), pack);
  const layouts = [...unique].map(([key, pack]) => ({ key, pack, total: totalOf(pack) }));
  const numbers = new Room();
  const results = new Room();
  const places = layouts.map(({ pack, total }) => ({
    counted: {
      from: pack.sources.map(({ size }) => numbers.take(size)),
      to: results.take(pack.room.written),
    },
    reversed: {
      from: pack.sources.map(({ size }) => numbers.take(size)),
      to: results.take(pack.room.written),
    },
    total,
  }));
  const orders = new Map<string, Float32Array>();
  if (layouts.length === 0) return orders;
  const upload = keep(zeros(device, [numbers.size]));
  const target = keep(zeros(device, [results.size]));
  try {
    const values = new Float32Array(numbers.size);
    for (const [i, { pack, total }] of layouts.entries()) {
      let first = 0;
      for (const [k, { size }] of pack.sources.entries()) {
        for (let j = 0; j < size; j++) {
          values[places[i].counted.from[k] + j] = first + j + 1;
          values[places[i].reversed.from[k] + j] = total - first - j;
        }
        first += size;
      }
    }
    upload.write(values);
    for (const [i, { pack }] of layouts.entries()) {
      for (const { from, to } of [places[i].counted, places[i].reversed]) {
        const sources = pack.sources.map(({ size }, k) => sliceOf(upload, from[k], size));
        device.run(pack.kernel, [...sources, sliceOf(target, to, pack.room.written)]);
      }
    }
    const packed = (await target.data()) as Float32Array;
    for (const [i, { key, pack, total }] of layouts.entries()) {
      const [counted, reversed] = [places[i].counted, places[i].reversed].map(({ to }) =>
        packed.slice(to, to + pack.room.written),
      );
      if (isOrder(counted, reversed, total)) orders.set(key, counted);
    }
  } finally {
    upload.dispose();
    target.dispose();
  }
  return orders;
}

/** Whether packing 1 … `total` and the same reversed gave numbers that were only moved. */
function isOrder(counted: Float32Array, reversed: Float32Array, total: number): boolean {
  return counted.every((value, i) => {
    const plain = Number.isInteger(value) && value >= 0 && value <= total;
    return plain && reversed[i] === (value === 0 ? 0 : total + 1 - value);
  });
}

function totalOf({ sources }: Packed): number {
  return sources.reduce((sum, { size }) => sum + size, 0);
}

/** Places one after the other that can be bound on their own. */
class Room {
  size = 0;

  take(elements: number): number {
    const at = this.size;
    this.size += Math.ceil(elements / SPACING) * SPACING;
    return at;
  }
}

/** For each buffer that packed elements come from, where they go and which of its elements they are. */
type Sources = Map<GPUBuffer, { binding: BufferBinding; taken: { to: number; from: number }[] }>;

/** Adds a packing's elements to those of the buffers that they come from. */
function writeIndex(
  { sources }: Packed,
  order: Float32Array,
  place: number,
  buffers: Sources,
): void {
  let first = 1;
  for (const { size: count, storage } of sources) {
    const { buffer, bytes } = storage.buffer;
    let known = buffers.get(buffer);
    for (const [i, from] of order.entries()) {
      if (from < first || from >= first + count) continue;
      if (!known) {
        known = { binding: { buffer, offset: 0, size: bytes }, taken: [] };
        buffers.set(buffer, known);
      }
      known.taken.push({ to: place + i, from: storage.offset / 4 + from - first });
    }
    first += count;
  }
}

/** The dispatches that take elements, each with its part of the index. */
function takeAll(
  device: Device,
  sources: Sources,
  values: Tensor,
): { dispatches: PackDispatch[]; indices: Storage[] } {
  const indices: Storage[] = [];
  const dispatches: PackDispatch[] = [];
  for (const { binding, taken } of sources.values()) {
    const parts = new Map<number, { to: number; from: number }[]>();
    for (const each of taken) {
      const part = Math.floor(each.to / MOST_TAKEN);
      const known = parts.get(part);
      if (known) known.push(each);
      else parts.set(part, [each]);
    }
    for (const part of parts.values()) {
      const begin = Math.floor(part[0].to / SPACING) * SPACING;
      const end = Math.ceil((part[part.length - 1].to + 1) / SPACING) * SPACING;
      const index = new Uint32Array(end - begin).fill(KEEP);
      for (const { to, from } of part) index[to - begin] = from;
      const storage = new Storage(device, index.byteLength, "places of packed weights");
      storage.retain();
      device.write(storage.buffer, index);
      indices.push(storage);
      const target = sliceOf(values, begin, index.length);
      // Of several sources each must leave alone what the others write.
      const kernel = takeElements(index.length, sources.size > 1);
      dispatches.push({ kernel, bindings: [binding, storage.binding, target] });
    }
  }
  return { dispatches, indices };
}

function sliceOf({ storage }: Tensor, offset: number, elements: number): BufferBinding {
  const size = Math.ceil(elements / 4) * 16;
  return { buffer: storage.buffer.buffer, offset: storage.offset + offset * 4, size };
}
