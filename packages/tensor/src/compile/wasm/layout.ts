/** Where what a plan's kernels read and write lies. */
import { SLACK_BYTES } from "@retinaface-webgpu/kernels-wasm";
import { sizeOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import type { Device } from "../../device/device.js";
import type { Block } from "../../wasm/memory.js";
import { type Graph, rootOf, type Value } from "../graph.js";
import { assignBuffers } from "../memory.js";
import type { LoweredStep, WasmOperand } from "./lowered.js";
import type { Constants, WasmWeights } from "./weights.js";

function isConstants(operand: WasmOperand): operand is Constants {
  return "make" in operand;
}

/** Brings what steps read and no step makes into an engine's memory. */
export async function prepareConstants(
  device: Device,
  graph: Graph,
  steps: readonly LoweredStep[],
  weights: WasmWeights,
): Promise<{ blockOf(operand: WasmOperand): Block | undefined; release(): void }> {
  const constants = steps.flatMap(({ operands }) => Object.values(operands)).filter(isConstants);
  const values = constantValues(graph, steps);
  const { blocks, release } = await weights.prepare(device, [...constants, ...values.values()]);
  return {
    release,
    blockOf: (operand) => {
      const own = isConstants(operand) ? operand : values.get(rootOf(operand).root);
      return own && blocks.get(own)!;
    },
  };
}

/** Tensors that the graph reads as they are. */
function constantValues(graph: Graph, steps: readonly LoweredStep[]): Map<Value, Constants> {
  const operands = steps.flatMap((step) => Object.values(step.operands));
  const read = operands.filter((operand): operand is Value => !isConstants(operand));
  const roots = new Set([...read, ...graph.outputs].map((value) => rootOf(value).root));
  const result = new Map<Value, Constants>();
  for (const root of roots) {
    const { constant } = root;
    if (!constant) continue;
    const make = (host: ReadonlyMap<Tensor, Float32Array>) => host.get(constant)!;
    result.set(root, { layout: "as it is", tensors: [constant], make });
  }
  return result;
}

export function bytesOf({ info }: Value): number {
  return sizeOf(info.shape) * 4;
}

/**
 * Places values by lifetime, in one span of memory.
 *
 * @param elsewhere values that lie elsewhere
 */
export function arrange(
  graph: Graph,
  steps: readonly LoweredStep[],
  elsewhere: ReadonlySet<Value> = new Set(),
) {
  const lifetimes = new Map<Value, { bytes: number; first: number; last: number }>();
  const touch = (value: Value, step: number) => {
    const { root } = rootOf(value);
    if (root.constant || elsewhere.has(root)) return;
    const known = lifetimes.get(root);
    if (known) known.last = Math.max(known.last, step);
    else lifetimes.set(root, { bytes: bytesOf(root), first: step, last: step });
  };
  for (const value of graph.inputs) touch(value, -1);
  for (const [i, { operands }] of steps.entries()) {
    for (const operand of Object.values(operands)) if (!isConstants(operand)) touch(operand, i);
  }
  for (const value of graph.outputs) touch(value, steps.length);
  const spans = [...lifetimes.values()];
  const { slots, slotBytes } = assignBuffers(spans);
  const starts: number[] = [];
  let bytes = 0;
  for (const each of slotBytes) {
    starts.push(bytes);
    bytes = Math.ceil((bytes + each + SLACK_BYTES) / 64) * 64;
  }
  const offsets = new Map([...lifetimes.keys()].map((value, i) => [value, starts[slots[i]]]));
  return {
    bytes,
    activationBytes: spans.reduce((total, span) => total + span.bytes, 0),
    offsetOf: (value: Value): number => offsets.get(rootOf(value).root)!,
  };
}
