import { noGrad } from "../core/grad-mode.js";
import { tidy } from "../core/scope.js";
import { Tensor, type TensorInfo } from "../core/tensor.js";
import type { Device } from "../device/device.js";
import { recordTrace } from "../ops/trace.js";
import { fuse } from "./fuse.js";
import { buildGraph, type Graph } from "./graph.js";
import { type OutputTree, outputTree } from "./outputs.js";

/** A forward pass as a graph, and how its outputs stand in what it returned. */
export interface TracedForward {
  readonly graph: Graph;
  readonly tree: OutputTree;
}

/**
 * Runs `forward` on tensors without memory and gives what it did as a graph, fused. Nothing runs on the device.
 * @throws TensorError `FORWARD_RESULT` when it returns something other than tensors
 */
export function traceForward(
  device: Device,
  forward: (...inputs: Tensor[]) => unknown,
  infos: readonly TensorInfo[],
): TracedForward {
  const traced = tidy(() => {
    const inputs = infos.map((info) => new Tensor(device, info, { info }));
    const { trace, result } = noGrad(() => recordTrace(() => forward(...inputs)));
    const tree = outputTree(result);
    const outputs = tree.tensors.map((tensor, i) => [tree.paths[i], tensor] as const);
    // Constants made by forward() are among what is returned: they outlive the scope.
    return { graph: buildGraph(trace, inputs, outputs), tree };
  });
  fuse(traced.graph);
  return traced;
}
