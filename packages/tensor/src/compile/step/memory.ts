/** Where the values of a step lie: those that live within a run share buffers by lifetime, the others have their own. */
import { bytesPerElement } from "../../core/dtype.js";
import { sizeOf } from "../../core/shape.js";
import { Storage } from "../../core/storage.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import { assignBuffers } from "../memory.js";
import { roundUp, type Scratch } from "../steps.js";
import { rootOf, type StepValue } from "./graph.js";
import type { PackedWeights } from "./packs.js";
import type { Operand, StepDispatch } from "./webgpu.js";

/** The memory of a step. */
export interface StepMemory {
  bindingOf(operand: Operand): BufferBinding;
  /** The buffers that values share; what they hold between runs does not matter. */
  readonly arena: readonly Storage[];
  /** Bytes that all values within a run would take side by side. */
  readonly valueBytes: number;
  release(): void;
}

/** Places the operands of dispatches in running order. */
export function placeOperands(
  device: Device,
  dispatches: readonly StepDispatch[],
  packs: PackedWeights,
): StepMemory {
  const lifetimes = new Map<StepValue | Scratch, { bytes: number; first: number; last: number }>();
  for (const [step, { operands }] of dispatches.entries()) {
    for (const operand of operands) {
      const key = sharedBy(operand);
      if (!key) continue;
      const known = lifetimes.get(key);
      if (known) known.last = step;
      else lifetimes.set(key, { bytes: bytesOf(key), first: step, last: step });
    }
  }
  const { slots, slotBytes } = assignBuffers([...lifetimes.values()]);
  const arena = slotBytes.map((bytes) => {
    const storage = new Storage(device, bytes, "values of a step");
    storage.retain();
    return storage;
  });
  const slotOf = new Map([...lifetimes.keys()].map((key, i) => [key, arena[slots[i]]]));
  return {
    arena,
    valueBytes: [...lifetimes.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    bindingOf: (operand) => {
      const key = sharedBy(operand);
      if ("part" in operand) {
        const { part, offset, bytes } = operand;
        if (!key) return packs.binding(part as Exclude<typeof part, Scratch>, offset, bytes);
        return { buffer: slotOf.get(key)!.buffer.buffer, offset, size: roundUp(bytes) };
      }
      if (!key) return rootOf(operand).memory!.binding;
      return { buffer: slotOf.get(key)!.buffer.buffer, offset: 0, size: bytesOf(key) };
    },
    release: () => {
      for (const storage of arena) storage.release();
    },
  };
}

/** What takes room in the arena for an operand, if anything does. */
function sharedBy(operand: Operand): StepValue | Scratch | undefined {
  if ("part" in operand) return "scratchBytes" in operand.part ? operand.part : undefined;
  const root = rootOf(operand);
  return root.memory ? undefined : root;
}

function bytesOf(key: StepValue | Scratch): number {
  if ("scratchBytes" in key) return key.scratchBytes;
  return roundUp(sizeOf(key.info.shape) * bytesPerElement(key.info.dtype));
}
