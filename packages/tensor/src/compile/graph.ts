import { ShapeError } from "../core/errors.js";
import type { Tensor, TensorInfo, TraceValue } from "../core/tensor.js";
import type { Conv2dAttrs } from "../ops/conv2d/forward.js";
import type { OpSpec } from "../ops/spec.js";
import type { Trace } from "../ops/trace.js";

/** A value of the graph. Exactly one of `producer`, `constant` and "input of the graph" holds. */
export interface Value {
  info: TensorInfo;
  producer: Node | undefined;
  /** A parameter or other tensor with memory of its own. */
  readonly constant?: Tensor;
  /** Nodes that read it; a node that reads it twice stands twice. */
  users: Node[];
  /** Asked for by the caller: must be in memory when the plan has run. */
  isOutput: boolean;
  /** Memory of another value: its channels from `channel` on (`sliced`), or all under another shape. */
  view?: { readonly of: Value; readonly channel: number; readonly sliced: boolean };
}

/** The value whose memory `value` lies in, and the first of its channels. */
export function rootOf(value: Value): { root: Value; channel: number } {
  let channel = 0;
  let root = value;
  while (root.view) {
    channel += root.view.channel;
    root = root.view.of;
  }
  return { root, channel };
}

/** Weights and batch norm of one convolution; merged convolutions have several, side by side. */
export interface ConvPart {
  readonly weight: Tensor;
  readonly bias: Tensor | undefined;
  norm?: { mean: Tensor; variance: Tensor; gamma: Tensor; beta: Tensor; eps: number };
}

export type Activation = { kind: "none" } | { kind: "leaky_relu"; slope: number };

/** A convolution with what was fused into it. */
export interface ConvNode {
  readonly kind: "conv";
  readonly attrs: Conv2dAttrs;
  readonly parts: ConvPart[];
  activation: Activation;
  residual?: { order: "before-activation" | "after-activation"; value: Value };
  inputs: Value[];
  output: Value;
}

/** Any other operation, run by its own `forward`. */
export interface OpNode {
  readonly kind: "op";
  // biome-ignore lint/suspicious/noExplicitAny: a graph holds ops of every attribute type
  readonly op: OpSpec<any>;
  readonly attrs: unknown;
  inputs: Value[];
  outputs: Value[];
}

export type Node = ConvNode | OpNode;

/** Nodes in an order in which they can run. */
export interface Graph {
  nodes: Node[];
  readonly inputs: Value[];
  readonly outputs: Value[];
}

export function outputsOf(node: Node): readonly Value[] {
  return node.kind === "conv" ? [node.output] : node.outputs;
}

/** Turns a trace into a graph. `outputs` are the traced tensors the caller wants. */
export function buildGraph(
  trace: Trace,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
): Graph {
  const values = new Map<TraceValue | Tensor, Value>();
  const toValue = (tensor: Tensor): Value => {
    const key = tensor.traced ?? tensor;
    let value = values.get(key);
    if (!value) {
      const constant = tensor.traced ? undefined : tensor;
      const info = { shape: tensor.shape, dtype: tensor.dtype };
      value = { info, producer: undefined, constant, users: [], isOutput: false };
      values.set(key, value);
    }
    return value;
  };
  const graphInputs = inputs.map(toValue);
  const nodes = trace.nodes.map((traced) => {
    const read = traced.inputs.map(toValue);
    const written = traced.outputs.map((output): Value => {
      const value = { info: output.info, producer: undefined, users: [], isOutput: false };
      values.set(output, value);
      return value;
    });
    const node = makeNode(traced.op, traced.attrs, traced.inputs, read, written);
    for (const value of node.inputs) value.users.push(node);
    for (const value of written) value.producer = node;
    if (traced.op.alias) written[0].view = { of: read[0], channel: 0, sliced: false };
    return node;
  });
  const graphOutputs = outputs.map((tensor) => {
    const value = tensor.traced && values.get(tensor.traced);
    if (!value) throw new ShapeError("compile: an output does not depend on the input");
    value.isOutput = true;
    return value;
  });
  return { nodes, inputs: graphInputs, outputs: graphOutputs };
}

function makeNode(
  // biome-ignore lint/suspicious/noExplicitAny: as OpNode
  op: OpSpec<any>,
  attrs: unknown,
  tensors: readonly Tensor[],
  inputs: Value[],
  outputs: Value[],
): Node {
  const constantWeights = tensors.slice(1).every((tensor) => !tensor.traced);
  if (op.name !== "conv2d" || !constantWeights || tensors[0].dtype !== "f32") {
    return { kind: "op", op, attrs, inputs, outputs };
  }
  return {
    kind: "conv",
    attrs: attrs as Conv2dAttrs,
    parts: [{ weight: tensors[1], bias: tensors[2] }],
    activation: { kind: "none" },
    inputs: [inputs[0]],
    output: outputs[0],
  };
}

/** Removes nodes whose results nobody reads. */
export function dropDeadNodes(graph: Graph): void {
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    const node = graph.nodes[i];
    if (outputsOf(node).some((value) => value.isOutput || value.users.length > 0)) continue;
    removeNode(graph, node);
  }
}

/** Takes a node out and forgets that it reads its inputs. */
export function removeNode(graph: Graph, node: Node): void {
  graph.nodes.splice(graph.nodes.indexOf(node), 1);
  for (const value of node.inputs) value.users.splice(value.users.indexOf(node), 1);
}
