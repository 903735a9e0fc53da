/** A training step's graph on an engine: kernels in order, their operands in the device's memory. */
import { bytesPerElement } from "../../../core/dtype.js";
import { sizeOf } from "../../../core/shape.js";
import { Storage } from "../../../core/storage.js";
import type { BufferBinding } from "../../../device/bind-groups.js";
import type { Device } from "../../../device/device.js";
import { type HostStep, hostOf } from "../../../wasm/host.js";
import { assignBuffers } from "../../memory.js";
import type { Owned } from "../../owned.js";
import type { LoweredStep } from "../../step/compiled-step.js";
import { rootOf, type StepGraph, type StepNode, type StepValue } from "../../step/graph.js";
import { type Access, joining } from "./joins.js";
import { type NodeScratch, operandsOf, type StepKernel, type StepOperand } from "./kernels.js";
import { lowerAgain, lowerNode } from "./lower.js";

/** A node with its kernels. */
interface Lowered {
  readonly node: StepNode;
  readonly kernels: readonly StepKernel[];
}

/** @throws WasmUnsupportedError naming an operation without a kernel, WasmOutOfMemoryError */
export async function lowerToWasm(
  device: Device,
  graph: StepGraph,
  owned: Owned,
): Promise<LoweredStep> {
  const host = hostOf(device)!;
  const [gradient, update] = [graph.gradient, graph.update].map((nodes) =>
    nodes.map((node): Lowered => ({ node, kernels: lowerNode(node) })),
  );
  const all = [...gradient, ...update];
  const memory = placeOperands(device, all, owned);
  const bind = (each: StepKernel): HostStep => ({
    kernel: each.kernel,
    operands: Object.fromEntries(
      operandsOf(each).map(([name, operand]) => [name, memory.bindingOf(operand)]),
    ),
  });
  const prepare = (part: readonly Lowered[]) => {
    const joins = joining(part.flatMap((each) => accessesOf(each, memory.bindingOf)));
    let next = 0;
    const steps = part.map(({ kernels }) =>
      kernels.map((each): HostStep => ({ ...bind(each), joins: joins[next++] })),
    );
    const written = buffersWritten(part);
    return {
      steps: () =>
        part.flatMap(({ node, kernels }, i) => {
          if (!node.varies) return steps[i];
          const now = lowerAgain(node, kernels);
          return steps[i].map((step, k) => ({ ...step, kernel: now[k].kernel }));
        }),
      count: () => {
        for (const buffer of written) device.versions.count(buffer);
      },
    };
  };
  const [first, last] = [prepare(gradient), prepare(update)];
  const steps = [...first.steps(), ...last.steps()];
  await host.reserve(steps);
  return {
    submit: (part) => {
      const parts = { batch: [first], update: [last], both: [first, last] }[part];
      host.run(parts.flatMap((part) => part.steps()));
      for (const part of parts) part.count();
    },
    arena: memory.arena.map(({ binding }) => binding),
    stats: {
      dispatches: steps.length,
      arenaBytes: memory.arena.reduce((sum, { bytes }) => sum + bytes, 0),
      valueBytes: memory.valueBytes,
      packedBytes: 0,
    },
  };
}

/** What each kernel of a node reads and writes: it writes the node's outputs, what the node updates, and scratch. */
function accessesOf(
  { node: { inputs, outputs, updates }, kernels }: Lowered,
  bindingOf: (operand: StepOperand) => BufferBinding,
): Access[][] {
  const written = new Set<StepOperand>([...outputs, ...updates.map((k) => inputs[k])]);
  return kernels.map((each) =>
    operandsOf(each).map(([, operand]) => ({
      binding: bindingOf(operand),
      writes: written.has(operand) || "scratchBytes" in operand,
    })),
  );
}

/**
 * Values so small live a kernel longer at their beginning: so they do not lie where the kernel before reads or
 * writes, and theirs need not wait for it (`joins.ts`).
 */
const SMALL_BYTES = 1 << 18;

/** Lets what lives within a run share memory by lifetime; the rest has its own. */
function placeOperands(device: Device, lowered: readonly Lowered[], owned: Owned) {
  const lifetimes = new Map<
    StepValue | NodeScratch,
    { bytes: number; first: number; last: number }
  >();
  const kernels = lowered.flatMap((each) => each.kernels);
  for (const [step, kernel] of kernels.entries()) {
    for (const [, operand] of operandsOf(kernel)) {
      const key = sharedBy(operand);
      if (!key) continue;
      const known = lifetimes.get(key);
      if (known) known.last = step;
      else {
        const bytes = bytesOf(key);
        const early = "scratchBytes" in key || bytes <= SMALL_BYTES;
        lifetimes.set(key, { bytes, first: early ? step - 1 : step, last: step });
      }
    }
  }
  const { slots, slotBytes } = assignBuffers([...lifetimes.values()]);
  const arena = slotBytes.map((bytes) => {
    const storage = new Storage(device, bytes, "values of a step");
    owned.retain(storage);
    return storage;
  });
  const slotOf = new Map([...lifetimes.keys()].map((key, i) => [key, arena[slots[i]]]));
  return {
    arena,
    valueBytes: [...lifetimes.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    bindingOf: (operand: StepOperand): BufferBinding => {
      const key = sharedBy(operand);
      if (key) return { ...slotOf.get(key)!.binding, size: bytesOf(key) };
      return rootOf(operand as StepValue).memory!.storage.binding;
    },
  };
}

/** What takes room in the arena for an operand, if anything does. */
function sharedBy(operand: StepOperand): StepValue | NodeScratch | undefined {
  if ("scratchBytes" in operand) return operand;
  const root = rootOf(operand);
  return root.memory ? undefined : root;
}

function bytesOf(key: StepValue | NodeScratch): number {
  if ("scratchBytes" in key) return key.scratchBytes;
  return Math.max(4, sizeOf(key.info.shape) * bytesPerElement(key.info.dtype));
}

/** The memory outside the arena that nodes write. */
function buffersWritten(lowered: readonly Lowered[]) {
  const values = lowered.flatMap(({ node: { inputs, outputs, updates } }) => [
    ...outputs,
    ...updates.map((k) => inputs[k]),
  ]);
  const memories = values.flatMap((value) => rootOf(value).memory ?? []);
  return [...new Set(memories.map(({ storage }) => storage.buffer.buffer))];
}
