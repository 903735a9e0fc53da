import type { Storage } from "../../core/storage.js";
import type { GPUBuffer } from "../../core/web.js";
import type { Device } from "../../device/device.js";
import type { Owned } from "../owned.js";
import { type BoundDispatch, prepareCommands, type StepCommand } from "./commands.js";
import type { LoweredStep } from "./compiled-step.js";
import { fuseSlices } from "./fuse.js";
import { rootOf, type StepGraph, type StepNode } from "./graph.js";
import { placeOperands } from "./memory.js";
import { PackedWeights } from "./packs.js";
import { Lowering, type StepDispatch } from "./webgpu.js";

/** Dispatches that are recorded together. */
interface StepPart {
  readonly commands: readonly StepCommand[];
  /** The buffers that they write and that others may read. */
  readonly written: readonly GPUBuffer[];
}

/** A graph's dispatches, in memory and ready to go. */
export async function lowerToWebGpu(
  device: Device,
  graph: StepGraph,
  owned: Owned,
): Promise<LoweredStep> {
  fuseSlices(graph.gradient);
  const written = memoryWritten(graph.gradient);
  const lowering = new Lowering(device, (tensor) => !written.has(tensor.storage));
  const [gradient, update] = [graph.gradient, graph.update].map((nodes) =>
    nodes.flatMap((node) => lowering.lower(node)),
  );
  const packs = await PackedWeights.create(device, lowering.packs);
  owned.add(() => packs.dispose());
  const memory = placeOperands(device, [...gradient, ...update], packs);
  owned.add(() => memory.release());
  const bind = ({ kernel, operands, varies }: StepDispatch): BoundDispatch => ({
    kernel,
    bindings: operands.map(memory.bindingOf),
    ...(varies ? { varies } : {}),
  });
  const first = [...packs.dispatches, ...gradient.map(bind)];
  const all = [...first, ...update.map(bind)];
  const { commands, refresh, release } = await prepareCommands(device, all, lowering);
  owned.add(release);
  const shared = new Set(memory.arena.map(({ buffer }) => buffer.buffer));
  const partOf = (from: number, to: number): StepPart => ({
    commands: commands.slice(from, to),
    written: buffersWritten(all.slice(from, to)).filter((buffer) => !shared.has(buffer)),
  });
  const [before, after] = [partOf(0, first.length), partOf(first.length, all.length)];
  return {
    submit: (part) => {
      refresh();
      if (part !== "update") record(device, before);
      if (part !== "batch") record(device, after);
      device.flush();
    },
    arena: memory.arena.map(({ binding }) => binding),
    stats: {
      dispatches: all.length,
      arenaBytes: memory.arena.reduce((sum, { bytes }) => sum + bytes, 0),
      valueBytes: memory.valueBytes,
      packedBytes: packs.bytes,
    },
  };
}

function record(device: Device, { commands, written }: StepPart): void {
  for (const { compiled, kernel, group, offsets } of commands) {
    device.runPrepared(compiled, kernel, group, offsets);
  }
  for (const buffer of written) device.versions.count(buffer);
}

function buffersWritten(dispatches: readonly BoundDispatch[]): GPUBuffer[] {
  const written = dispatches.flatMap(({ kernel, bindings }) =>
    bindings.filter((_, i) => kernel.bindings[i] === "read_write").map(({ buffer }) => buffer),
  );
  return [...new Set(written)];
}

/** The memory that nodes write in place. */
function memoryWritten(nodes: readonly StepNode[]): Set<Storage> {
  const memories = nodes.flatMap(({ inputs, updates }) =>
    updates.map((k) => rootOf(inputs[k]).memory),
  );
  return new Set(memories.flatMap((memory) => (memory ? [memory.storage] : [])));
}
