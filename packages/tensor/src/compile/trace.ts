import { noGrad } from "../core/grad-mode.js";
import { keep, tidy } from "../core/scope.js";
import { Tensor, type TensorInfo } from "../core/tensor.js";
import type { Device } from "../device/device.js";
import { recordTrace, type Trace } from "../ops/trace.js";
import { checkForward } from "./arguments.js";
import { fuse } from "./fuse.js";
import { buildGraph, type Graph } from "./graph.js";
import { type OutputTree, outputTree } from "./outputs.js";

/** A forward pass as a graph, and how its outputs stand in what it returned. */
export interface TracedForward {
  readonly graph: Graph;
  readonly tree: OutputTree;
  /** Constants that `forward` made for itself: the caller's to dispose. */
  readonly made: readonly Tensor[];
  /** What it does on the host: to be done at each run. */
  readonly effects: readonly (() => void)[];
}

/**
 * Runs `forward` on tensors without memory and gives what it did as a graph, fused or otherwise rewritten. Nothing runs on
 * the device.
 * @throws TensorError `FORWARD_RESULT` when it returns something other than tensors, `ARGUMENT`
 */
export function traceForward(
  device: Device,
  forward: (...inputs: Tensor[]) => unknown,
  infos: readonly TensorInfo[],
  rewrite: (graph: Graph) => void = fuse,
): TracedForward {
  checkForward(forward, infos);
  let trace: Trace | undefined;
  let build: (() => TracedForward) | undefined;
  try {
    tidy(() => {
      const inputs = infos.map((info) => new Tensor(device, info, { info }));
      const record = (recording: Trace) => {
        trace = recording;
        return outputTree(forward(...inputs));
      };
      const { result } = noGrad(() => recordTrace(record));
      build = () => toGraph(inputs, trace!, result, rewrite);
    });
    // What forward() disposed of, and what ended with its scope, is known now.
    return build!();
  } finally {
    trace?.release();
  }
}

function toGraph(
  inputs: readonly Tensor[],
  trace: Trace,
  tree: OutputTree,
  rewrite: (graph: Graph) => void,
): TracedForward {
  const made = new Map<Tensor, Tensor>();
  for (const [tensor, storage] of trace.held) {
    if (tensor.isDisposed) made.set(tensor, keep(new Tensor(tensor.device, tensor, storage)));
  }
  try {
    const outputs = tree.tensors.map((tensor, i) => [tree.paths[i], tensor] as const);
    const graph = buildGraph(trace, inputs, outputs, (tensor) => made.get(tensor) ?? tensor);
    rewrite(graph);
    return { graph, tree, made: [...made.values()], effects: trace.effects };
  } catch (error) {
    for (const tensor of made.values()) tensor.dispose();
    throw error;
  }
}
