import {
  joinedConv2d,
  MOST_POINT_MAPS,
  suitsDepthwisePoint,
  suitsSeveralPoints,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Device } from "../device/device.js";
import { conv2dTraits } from "../ops/conv2d/forward.js";
import { type ConvNode, type Graph, rootOf, type Value } from "./graph.js";
import { fusedSpec } from "./steps.js";

/**
 * Lets one dispatch compute two convolutions that read the same, each to its own tensor, where the kernels say that it
 * costs no more: branches of a context module, for instance. For WebGPU, where every dispatch costs; the engine for processors
 * has nothing to gain from it.
 */
export function joinConvolutions(device: Device, graph: Graph): void {
  const byInput = new Map<Value, ConvNode[]>();
  for (const node of graph.nodes) {
    if (node.kind !== "conv" || node.residual) continue;
    const readers = byInput.get(node.inputs[0]) ?? [];
    byInput.set(node.inputs[0], [...readers, node]);
  }
  for (const readers of byInput.values()) {
    const free = [...readers];
    for (let first = free.shift(); first; first = free.shift()) {
      const joined = free.find((other) => joinInto(device, graph, first!, other));
      if (joined) free.splice(free.indexOf(joined), 1);
    }
  }
}

/** Convolutions of a graph that have a dispatch in common, and stay nodes of their own. */
export interface FusedConvolutions {
  /** Depthwise convolutions that the 1×1 which reads them computes, by the latter. */
  readonly pairs: ReadonlyMap<ConvNode, ConvNode>;
  /** 1×1 convolutions of several maps. */
  readonly several: readonly (readonly ConvNode[])[];
}

export const NOTHING_FUSED: FusedConvolutions = { pairs: new Map(), several: [] };

/** What the kernels expect to be faster with a dispatch in common. */
export function fusedConvolutions(device: Device, graph: Graph): FusedConvolutions {
  return { pairs: depthwisePairs(device, graph), several: severalHeads(device, graph) };
}

/** Depthwise convolutions that a 1×1 alone reads. */
function depthwisePairs(device: Device, graph: Graph): Map<ConvNode, ConvNode> {
  const traits = conv2dTraits(device);
  const pairs = new Map<ConvNode, ConvNode>();
  for (const node of graph.nodes) {
    if (node.kind !== "conv") continue;
    const [read] = node.inputs;
    const before = read.producer;
    if (before?.kind !== "conv" || read.isOutput || read.users.length !== 1 || read.view) continue;
    if (suitsDepthwisePoint(fusedSpec(before), fusedSpec(node), traits)) pairs.set(node, before);
  }
  return pairs;
}

/** 1×1 convolutions whose results are outputs that nothing reads: they may wait for one another. */
function severalHeads(device: Device, graph: Graph): ConvNode[][] {
  const traits = conv2dTraits(device);
  const groups: ConvNode[][] = [];
  for (const node of graph.nodes) {
    if (node.kind !== "conv" || !node.output.isOutput || node.output.users.length > 0) continue;
    const { root } = rootOf(node.output);
    const group = groups.find(
      (nodes) =>
        nodes.length < MOST_POINT_MAPS &&
        nodes.every(({ output }) => rootOf(output).root !== root) &&
        suitsSeveralPoints([...nodes, node].map(fusedSpec), traits),
    );
    if (group) group.push(node);
    else groups.push([node]);
  }
  return groups.filter((nodes) => nodes.length > 1);
}

/** Lets one node, which stands where the first of the two stood, compute both. @returns whether it may */
function joinInto(device: Device, graph: Graph, earlier: ConvNode, later: ConvNode): boolean {
  // A dispatch may not bind a buffer twice to write it.
  if (rootOf(earlier.output).root === rootOf(later.output).root) return false;
  for (const [first, second] of [
    [earlier, later],
    [later, earlier],
  ]) {
    const traits = conv2dTraits(device);
    if (!joinedConv2d(fusedSpec(first), fusedSpec(second), traits)) continue;
    const node: ConvNode = {
      kind: "conv",
      attrs: first.attrs,
      parts: [...first.parts, ...second.parts],
      activation: first.activation,
      inputs: [first.inputs[0]],
      output: first.output,
      second: { activation: second.activation, output: second.output },
    };
    for (const value of [first.output, second.output]) value.producer = node;
    const [input] = node.inputs;
    input.users = [...input.users.filter((user) => user !== first && user !== second), node];
    graph.nodes.splice(graph.nodes.indexOf(earlier), 1, node);
    graph.nodes.splice(graph.nodes.indexOf(later), 1);
    return true;
  }
  return false;
}
