/**
 * The graph of a forward pass, for every backend.
 *
 * `traceGraph` (trace.ts) makes it, `fuse` (fuse.ts) rewrites it, and a lowering turns each node into what its backend
 * runs: `steps.ts` into WGSL dispatches; others stand beside it. The contract between these:
 *
 * - `nodes` are in an order in which they can run. A node reads `inputs` and writes all of its outputs.
 * - A `Value` has a shape and a type, and is dense in row-major order unless it has a `view`: then it is other memory,
 *   and needs none of its own. `sliced` views are a run of channels of their root's pixels (`rootOf`), written by their
 *   producer and read only as outputs; the others are their root under another shape.
 * - A value without a producer is an input of the graph or a constant: `constant` is the tensor that holds the numbers
 *   (the weights of a `ConvNode` are such tensors too). A lowering takes the numbers over when it prepares, and again when
 *   the plan is updated. Nodes that read nothing but constants, directly or not, need to run only then.
 * - An `OpNode` is one operation as it was called: `op.name` and `attrs` say which, `computes` what that is where fusion
 *   has a word for it. Nodes whose `op.alias` is set move nothing: their output is a view.
 * - A `ConvNode` is a convolution and its tail, in this order: sum over taps with the weights of all `parts` side by
 *   side as output channels (each with its batch norm folded: fold.ts), plus bias; then `residual` if its order is
 *   `before-activation`, enlarged by nearest neighbour to the output's size; then `activation`; then a residual of order
 *   `after-activation`; stored to `output`, which may be a sliced view. The residual's value also stands in `inputs`.
 * - `outputs` are the values that the caller reads: in memory when all nodes have run, and as they are until the next run.
 *   So are the graph's inputs.
 *
 * Fusion asks traits (ops/fusion.ts), never names.
 */
import { ShapeError } from "../core/errors.js";
import { sizeOf } from "../core/shape.js";
import type { Tensor, TensorInfo, TraceValue } from "../core/tensor.js";
import type { ConvolutionAttrs, FusionKind } from "../ops/fusion.js";
import type { OpSpec } from "../ops/spec.js";
import type { Trace, TraceNode } from "../ops/trace.js";

/** A value of the graph. At most one of `producer`, `constant` and "input of the graph" holds. */
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
  readonly attrs: ConvolutionAttrs;
  readonly parts: ConvPart[];
  activation: Activation;
  residual?: { order: "before-activation" | "after-activation"; value: Value };
  inputs: Value[];
  output: Value;
  /** The last of its parts' channels, where they go elsewhere and past another activation: see `join-convolutions.ts`. */
  second?: { readonly activation: Activation; readonly output: Value };
}

/** Any other operation. */
export interface OpNode {
  readonly kind: "op";
  // biome-ignore lint/suspicious/noExplicitAny: a graph holds ops of every attribute type
  readonly op: OpSpec<any>;
  attrs: unknown;
  inputs: Value[];
  outputs: Value[];
}

export type Node = ConvNode | OpNode;

export interface Graph {
  nodes: Node[];
  readonly inputs: Value[];
  readonly outputs: Value[];
}

export function outputsOf(node: Node): readonly Value[] {
  if (node.kind === "op") return node.outputs;
  return node.second ? [node.output, node.second.output] : [node.output];
}

/** What an operation computes, where it says so. */
export function computes(node: OpNode): FusionKind | undefined {
  return node.op.fusion?.computes?.(node.attrs);
}

/**
 * Turns a trace into a graph.
 * @param outputs the traced tensors that the caller wants, with names for messages
 * @param constantOf the constant that a tensor of the trace stands for
 */
export function buildGraph(
  trace: Trace,
  inputs: readonly Tensor[],
  outputs: readonly (readonly [name: string, tensor: Tensor])[],
  constantOf: (tensor: Tensor) => Tensor,
): Graph {
  const values = new Map<TraceValue | Tensor, Value>();
  const toValue = (tensor: Tensor): Value => {
    const key = tensor.traced ?? tensor;
    let value = values.get(key);
    if (!value) {
      const constant = tensor.traced ? undefined : constantOf(tensor);
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
    const node = makeNode(traced, read, written);
    for (const value of node.inputs) value.users.push(node);
    for (const value of written) value.producer = node;
    if (traced.op.alias) written[0].view = { of: read[0], channel: 0, sliced: false };
    return node;
  });
  const graphOutputs = outputs.map(([name, tensor]) => {
    const value = tensor.traced && values.get(tensor.traced);
    if (!value || rootOf(value).root.constant) {
      throw new ShapeError(`compile: ${name} does not depend on an input: compute it outside`);
    }
    value.isOutput = true;
    return value;
  });
  return { nodes, inputs: graphInputs, outputs: graphOutputs };
}

function makeNode({ op, attrs }: TraceNode, inputs: Value[], outputs: Value[]): Node {
  const node: OpNode = { kind: "op", op, attrs, inputs, outputs };
  const kind = computes(node);
  if (kind?.kind !== "convolution") return node;
  const [x, weight, bias] = inputs;
  const empty = sizeOf(outputs[0].info.shape) === 0;
  if (!weight.constant || (bias && !bias.constant) || empty || x.info.dtype !== "f32") return node;
  const { kind: _, ...convolution } = kind;
  return {
    kind: "conv",
    attrs: convolution,
    parts: [{ weight: weight.constant, bias: bias?.constant }],
    activation: { kind: "none" },
    inputs: [x],
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
