/** Convolutions of a graph as WebAssembly kernels. */
import {
  type Conv2dKernel,
  type Conv2dSpec,
  conv2d,
  depthwisePoint,
  fitsDepthwise,
} from "@retinaface-webgpu/kernels-wasm";
import { foldParts, tensorsOfPart } from "../fold.js";
import { type ConvNode, type Graph, rootOf } from "../graph.js";
import type { LoweredStep } from "./lowered.js";
import type { Constants } from "./weights.js";

/** A convolution with everything fused into it, as the kernels see it. */
export function convSpec(node: ConvNode): Conv2dSpec {
  const [batch, inHeight, inWidth, inChannels] = node.inputs[0].info.shape;
  const [, , ...kernelSize] = node.parts[0].weight.shape;
  const { root, channel } = rootOf(node.output);
  const { residual } = node;
  return {
    batch,
    inHeight,
    inWidth,
    inChannels,
    outChannels: node.parts.reduce((n, { weight }) => n + weight.shape[0], 0),
    kernelSize: kernelSize as unknown as readonly [number, number],
    ...node.attrs,
    activation: node.activation,
    outStride: root.info.shape[root.info.shape.length - 1],
    outOffset: channel,
    residual: residual && {
      order: residual.order,
      height: residual.value.info.shape[1],
      width: residual.value.info.shape[2],
    },
  };
}

/** The depthwise convolution that `node` can make chunk by chunk as it reads it, if nothing else needs its result. */
function depthwiseBefore(node: ConvNode): ConvNode | undefined {
  const [read] = node.inputs;
  const before = read.producer;
  if (before?.kind !== "conv" || before.attrs.groups === 1) return;
  if (read.isOutput || read.users.length !== 1 || read.view) return;
  return fitsDepthwise(convSpec(before), convSpec(node)) ? before : undefined;
}

/** Depthwise convolutions that another step takes over, by the convolution that it is for. */
export function absorbedConvolutions(graph: Graph): Map<ConvNode, ConvNode> {
  const absorbed = new Map<ConvNode, ConvNode>();
  for (const node of graph.nodes) {
    const before = node.kind === "conv" ? depthwiseBefore(node) : undefined;
    if (before) absorbed.set(node as ConvNode, before);
  }
  return absorbed;
}

/** The step of a convolution, and of the depthwise one before it that it takes over. */
export function convStep(node: ConvNode, before: ConvNode | undefined): LoweredStep {
  const kernel = before ? depthwisePoint(convSpec(before), convSpec(node)) : conv2d(convSpec(node));
  const [input] = (before ?? node).inputs;
  return {
    kernel,
    operands: {
      input,
      output: node.output,
      packed: packed(kernel, before ? [before, node] : [node]),
      ...(node.residual ? { residual: node.residual.value } : {}),
    },
  };
}

/** What a lowering leaves at a node for those of other sizes. */
interface Packed {
  readonly layout: string;
  readonly constants: Constants;
}

/** Weights of the last of the nodes, and of a depthwise one before it. A node for another size mostly needs the same. */
function packed(kernel: Conv2dKernel, nodes: readonly ConvNode[]): Constants {
  const node: ConvNode & { packed?: Packed } = nodes[nodes.length - 1];
  const { name, variant, packedLength } = kernel;
  const layout = `${name},${variant},${packedLength},${nodes[0].attrs.groups}`;
  if (node.packed?.layout === layout) return node.packed.constants;
  const parts = nodes.flatMap((node) => node.parts);
  const eps = parts.map(({ bias, norm }) => [bias ? "b" : "", norm?.eps ?? ""].join(":"));
  const constants: Constants = {
    layout: [layout, ...eps].join(),
    tensors: parts.flatMap(tensorsOfPart),
    make: (host) => kernel.pack(...nodes.map((node) => foldParts(node.parts, host))),
  };
  node.packed = { layout, constants };
  return constants;
}
