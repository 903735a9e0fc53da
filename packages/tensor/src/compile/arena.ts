import { keep } from "../core/scope.js";
import { Storage } from "../core/storage.js";
import { Tensor } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { type Graph, rootOf, type Value } from "./graph.js";
import { type Lowered, placeOf } from "./lower.js";
import { assignBuffers, type Lifetime } from "./memory.js";
import type { Owned } from "./owned.js";
import { bytesOf, type Scratch, type ScratchSlice } from "./steps.js";

/** Where the values and temporary buffers of a plan lie. */
export interface Arena {
  bindingOf(operand: Value | ScratchSlice): BufferBinding;
  /** The memory of a value as a tensor of the plan. */
  tensorOf(value: Value): Tensor;
  readonly stats: { readonly arenaBytes: number; readonly activationBytes: number };
}

/** Places values and temporary buffers by lifetime; constants have memory of their own. */
export function makeArena(device: Device, graph: Graph, lowered: Lowered, owned: Owned): Arena {
  const lifetimes = lifetimesOf(graph, lowered);
  const keys = [...lifetimes.keys()];
  const spans: Lifetime[] = [...lifetimes.values()];
  const { slots, slotBytes } = assignBuffers(spans);
  const storages = slotBytes.map((bytes) => {
    const storage = new Storage(device, bytes, "activations of a plan");
    owned.retain(storage);
    return storage;
  });
  const storageOf = new Map(keys.map((key, i) => [key, storages[slots[i]]]));
  return {
    bindingOf: (operand) => {
      const place = placeOf(operand)!;
      const { buffer } = storageOf.get(place)!.buffer;
      if ("scratch" in operand) return { buffer, offset: operand.offset, size: operand.size };
      return { buffer, offset: 0, size: bytesOf(place as Value) };
    },
    tensorOf: (value) => {
      const storage = storageOf.get(rootOf(value).root)!;
      return owned.show(keep(new Tensor(device, value.info, storage)));
    },
    stats: {
      arenaBytes: slotBytes.reduce((a, b) => a + b, 0),
      activationBytes: spans.reduce((total, { bytes }) => total + bytes, 0),
    },
  };
}

function lifetimesOf(graph: Graph, { settled, running }: Lowered): Map<Value | Scratch, Lifetime> {
  const lifetimes = new Map<Value | Scratch, { bytes: number; first: number; last: number }>();
  const touch = (place: Value | Scratch, step: number) => {
    if ("info" in place && place.constant) return;
    const known = lifetimes.get(place);
    if (known) known.last = Math.max(known.last, step);
    else {
      const bytes = "info" in place ? bytesOf(place) : place.scratchBytes;
      lifetimes.set(place, { bytes, first: step, last: step });
    }
  };
  for (const value of graph.inputs) touch(rootOf(value).root, -1);
  for (const [i, { operands }] of [...settled, ...running].entries()) {
    for (const operand of operands) {
      const place = placeOf(operand);
      if (place) touch(place, i);
    }
  }
  const end = settled.length + running.length;
  // What a run reads without having written it is there for the next run too.
  for (const place of lifetimes.values()) {
    if (place.first < settled.length && place.last >= settled.length) place.last = end;
  }
  for (const value of [...graph.inputs, ...graph.outputs]) touch(rootOf(value).root, end);
  return lifetimes;
}
