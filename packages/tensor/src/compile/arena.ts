import { keep } from "../core/scope.js";
import { Storage } from "../core/storage.js";
import { Tensor } from "../core/tensor.js";
import type { BufferBinding } from "../device/bind-groups.js";
import type { Device } from "../device/device.js";
import { type Graph, rootOf, type Value } from "./graph.js";
import { assignBuffers, type Lifetime } from "./memory.js";
import type { Owned } from "./owned.js";
import { bytesOf, type Scratch, type ScratchSlice, type Step } from "./steps.js";

/** Where the values and temporary buffers of a plan lie. */
export interface Arena {
  bindingOf(operand: Value | ScratchSlice): BufferBinding;
  /** The memory of a value as a tensor of the plan. */
  tensorOf(value: Value): Tensor;
  readonly stats: { readonly arenaBytes: number; readonly activationBytes: number };
}

/** Places values and temporary buffers by lifetime. */
export function makeArena(
  device: Device,
  graph: Graph,
  steps: readonly Step[],
  owned: Owned,
): Arena {
  const lifetimes = lifetimesOf(graph, steps);
  const keys = [...lifetimes.keys()];
  const spans: Lifetime[] = [...lifetimes.values()];
  const { slots, slotBytes } = assignBuffers(spans);
  const storages = slotBytes.map((bytes) => {
    const storage = new Storage(device, bytes, "activations of a plan");
    storage.retain();
    owned.add(() => storage.release());
    return storage;
  });
  const storageOf = new Map(keys.map((key, i) => [key, storages[slots[i]]]));
  return {
    bindingOf: (operand) => {
      if ("scratch" in operand) {
        const { scratch, offset, size } = operand;
        return { buffer: storageOf.get(scratch)!.buffer.buffer, offset, size };
      }
      const { root } = rootOf(operand);
      if (root.constant) return root.constant.binding;
      const size = bytesOf(root);
      return { buffer: storageOf.get(root)!.buffer.buffer, offset: 0, size };
    },
    tensorOf: (value) => {
      const tensor = keep(new Tensor(device, value.info, storageOf.get(rootOf(value).root)!));
      owned.add(() => tensor.dispose());
      return tensor;
    },
    stats: {
      arenaBytes: slotBytes.reduce((a, b) => a + b, 0),
      activationBytes: spans.reduce((total, { bytes }) => total + bytes, 0),
    },
  };
}

function lifetimesOf(graph: Graph, steps: readonly Step[]): Map<Value | Scratch, Lifetime> {
  const lifetimes = new Map<Value | Scratch, { bytes: number; first: number; last: number }>();
  const touch = (key: Value | Scratch, bytes: number, step: number) => {
    const known = lifetimes.get(key);
    if (known) known.last = Math.max(known.last, step);
    else lifetimes.set(key, { bytes, first: step, last: step });
  };
  const touchValue = (value: Value, step: number) => {
    const { root } = rootOf(value);
    if (!root.constant) touch(root, bytesOf(root), step);
  };
  for (const value of graph.inputs) touchValue(value, -1);
  for (const [i, { operands }] of steps.entries()) {
    for (const operand of operands) {
      if ("scratch" in operand) touch(operand.scratch, operand.scratch.scratchBytes, i);
      else if (!("conv" in operand)) touchValue(operand, i);
    }
  }
  // Inputs keep their memory too: a plan may run again on the same input.
  for (const value of [...graph.inputs, ...graph.outputs]) touchValue(value, steps.length);
  return lifetimes;
}
