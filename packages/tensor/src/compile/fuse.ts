import { sameShape } from "../core/shape.js";
import type { FusionKind } from "../ops/fusion.js";
import {
  type ConvNode,
  computes,
  dropDeadNodes,
  type Graph,
  type Node,
  type OpNode,
  removeNode,
  type Value,
} from "./graph.js";

type Kind<K> = Extract<FusionKind, { kind: K }>;

/**
 * Fuses into convolutions what can ride on their last step: batch norm, activation, residual with
 * nearest upsampling; gives other activations and sums to operations that can take one; moves an activation behind a
 * concatenation before it; lets convolutions write their part of a concatenation in place; merges 1×1 convolutions of
 * one input that are all outputs.
 *
 * Every rule keeps the graph valid, so their order only decides how much is found: nodes are visited in
 * running order, which sees a convolution before its batch norm, activation and sum.
 */
export function fuse(graph: Graph): void {
  for (const node of [...graph.nodes]) {
    if (node.kind !== "op") continue;
    const kind = computes(node);
    if (kind?.kind === "norm") foldNorm(graph, node, kind);
    else if (kind?.kind === "activation") foldActivation(graph, node, kind.slope);
    else if (kind?.kind === "sum") foldResidual(graph, node);
  }
  dropDeadNodes(graph);
  mergeHeads(graph);
  for (const node of [...graph.nodes]) {
    const kind = node.kind === "op" ? computes(node) : undefined;
    if (kind?.kind === "join") placeJoin(graph, node as OpNode, kind.axis);
  }
}

/** Folds batch norms into the convolutions before them, and does nothing else. */
export function foldNorms(graph: Graph): void {
  for (const node of [...graph.nodes]) {
    const kind = node.kind === "op" ? computes(node) : undefined;
    if (kind?.kind === "norm") foldNorm(graph, node as OpNode, kind);
  }
  dropDeadNodes(graph);
}

/** The node that makes `value`, if nothing else sees the value. */
function soleSource(value: Value): Node | undefined {
  return value.users.length === 1 && !value.isOutput ? value.producer : undefined;
}

/** The convolution that makes `value`, if nothing else sees the value. */
function onlyProducer(value: Value): ConvNode | undefined {
  const node = soleSource(value);
  return node?.kind === "conv" ? node : undefined;
}

/** Lets `conv` produce what `node` produced, and drops `node`. */
function absorb(graph: Graph, conv: ConvNode, node: OpNode): void {
  conv.output = node.outputs[0];
  conv.output.producer = conv;
  removeNode(graph, node);
}

function foldNorm(graph: Graph, node: OpNode, { eps, slope }: Kind<"norm">): void {
  const [x, ...statistics] = node.inputs;
  const conv = onlyProducer(x);
  if (!conv || !takesActivation(conv) || conv.residual || conv.parts[0].norm) return;
  const [mean, variance, gamma, beta] = statistics.map((value) => value.constant);
  if (!mean || !variance || !gamma || !beta) return;
  conv.parts[0].norm = { mean, variance, gamma, beta, eps };
  if (slope !== undefined) conv.activation = { kind: "leaky_relu", slope };
  absorb(graph, conv, node);
}

/** Whether an activation may still be appended. */
function takesActivation(conv: ConvNode): boolean {
  return conv.activation.kind === "none" && conv.residual?.order !== "after-activation";
}

function foldActivation(graph: Graph, node: OpNode, slope: number): void {
  const [x] = node.inputs;
  const source = soleSource(x);
  if (!source) return;
  if (source.kind === "conv") {
    if (!takesActivation(source)) return;
    source.activation = { kind: "leaky_relu", slope };
    absorb(graph, source, node);
    return;
  }
  const attrs = source.op.fusion?.activated?.(source.attrs, slope);
  if (attrs !== undefined) source.attrs = attrs;
  else if (!activateParts(source, slope)) return;
  source.outputs[0] = node.outputs[0];
  node.outputs[0].producer = source;
  removeNode(graph, node);
}

/** Activates all that a concatenation joins, where convolutions make it. */
function activateParts(join: OpNode, slope: number): boolean {
  if (computes(join)?.kind !== "join") return false;
  const convs = join.inputs.map(onlyProducer);
  if (!convs.every((part) => part !== undefined && takesActivation(part))) return false;
  for (const part of convs) part!.activation = { kind: "leaky_relu", slope };
  return true;
}

function foldResidual(graph: Graph, node: OpNode): void {
  const [a, b] = node.inputs;
  if (a === b || !sameShape(a.info.shape, b.info.shape)) return;
  // A convolution beside an upsampled operand is preferred: that also saves the resize.
  const preferred = nearestSource(a) ? [b, a] : [a, b];
  const ways = [preferred, [preferred[1], preferred[0]]];
  for (const [own, other] of ways) {
    const conv = onlyProducer(own);
    if (!conv || conv.residual || other.info.dtype !== "f32" || other.info.shape.length !== 4)
      continue;
    const source = nearestSource(other) ?? other;
    const order = conv.activation.kind === "none" ? "before-activation" : "after-activation";
    conv.residual = { order, value: source };
    conv.inputs.push(source);
    source.users.push(conv);
    moveTo(graph, conv, node);
    absorb(graph, conv, node);
    return;
  }
  for (const [own, other] of ways) if (addInto(graph, node, own, other)) return;
}

/** Lets the operation that makes `own` add `other` too, if it can. */
function addInto(graph: Graph, sum: OpNode, own: Value, other: Value): boolean {
  const source = soleSource(own);
  if (source?.kind !== "op") return false;
  const attrs = source.op.fusion?.adding?.(source.attrs);
  if (attrs === undefined) return false;
  source.attrs = attrs;
  source.inputs.push(other);
  other.users.push(source);
  moveTo(graph, source, sum);
  source.outputs[0] = sum.outputs[0];
  source.outputs[0].producer = source;
  removeNode(graph, sum);
  return true;
}

/** What a nearest upsampling with PyTorch's rounding reads, if `value` is one and nothing else sees it. */
function nearestSource(value: Value): Value | undefined {
  const node = soleSource(value);
  return node?.kind === "op" && computes(node)?.kind === "nearest" ? node.inputs[0] : undefined;
}

/** Moves a node to where a later one stands: everything it reads has been made by then. */
function moveTo(graph: Graph, node: Node, later: Node): void {
  graph.nodes.splice(graph.nodes.indexOf(node), 1);
  graph.nodes.splice(graph.nodes.indexOf(later), 0, node);
}

/**
 * Merges 1×1 convolutions that read the same input and whose results are outputs of the graph into one:
 * each result becomes a run of channels of the merged one.
 */
function mergeHeads(graph: Graph): void {
  const byInput = new Map<Value, ConvNode[]>();
  for (const node of graph.nodes) {
    if (node.kind !== "conv" || !isPlainHead(node)) continue;
    const siblings = byInput.get(node.inputs[0]) ?? [];
    byInput.set(node.inputs[0], [...siblings, node]);
  }
  for (const siblings of byInput.values()) {
    if (siblings.length > 1) mergeSiblings(graph, siblings);
  }
}

function isPlainHead(node: ConvNode): boolean {
  const { stride, padding, groups } = node.attrs;
  const [, , kh, kw] = node.parts[0].weight.shape;
  return (
    node.output.isOutput &&
    node.output.users.length === 0 &&
    node.activation.kind === "none" &&
    !node.residual &&
    groups === 1 &&
    kh === 1 &&
    kw === 1 &&
    [...stride, ...padding].join() === "1,1,0,0,0,0"
  );
}

function mergeSiblings(graph: Graph, siblings: readonly ConvNode[]): void {
  const [first] = siblings;
  const last = siblings[siblings.length - 1];
  const [n, h, w] = first.output.info.shape;
  const channels = siblings.reduce((total, { output }) => total + output.info.shape[3], 0);
  const info = { shape: [n, h, w, channels], dtype: first.output.info.dtype };
  const merged: Value = { info, producer: undefined, users: [], isOutput: true };
  const node: ConvNode = {
    kind: "conv",
    attrs: first.attrs,
    parts: siblings.flatMap((sibling) => sibling.parts),
    activation: { kind: "none" },
    inputs: [first.inputs[0]],
    output: merged,
  };
  merged.producer = node;
  let channel = 0;
  for (const { output } of siblings) {
    output.view = { of: merged, channel, sliced: true };
    channel += output.info.shape[3];
  }
  graph.nodes.splice(graph.nodes.indexOf(last), 0, node);
  first.inputs[0].users.push(node);
  for (const sibling of siblings) removeNode(graph, sibling);
}

/** Lets convolutions write their channels of a concatenation; the concatenation then has nothing to do. */
function placeJoin(graph: Graph, node: OpNode, axis: number): void {
  const [target] = node.outputs;
  if (target.info.shape.length !== 4 || axis !== 3) return;
  if (!node.inputs.every((value) => onlyProducer(value) && !value.view)) return;
  let channel = 0;
  for (const value of node.inputs) {
    value.view = { of: target, channel, sliced: true };
    channel += value.info.shape[3];
  }
  graph.nodes.splice(graph.nodes.indexOf(node), 1);
}
