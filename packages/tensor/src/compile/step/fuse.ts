/** What a step's operations can do for one another; by their traits, not by their names. */
import { sameShape } from "../../core/shape.js";
import { cutOfSlices, cutOp } from "../../ops/movement/cut.js";
import { type SliceAttrs, sliceOp } from "../../ops/movement/forward.js";
import { rootOf, type StepNode, type StepValue } from "./graph.js";

/**
 * Lets operations that can add what is added to their result: where the gradients of several users of a value
 * meet, each sum was a dispatch that read both and wrote a third.
 */
export function fuseSums(nodes: StepNode[]): void {
  for (const node of [...nodes]) {
    if (node.op.fusion?.computes?.(node.attrs)?.kind !== "sum") continue;
    const [a, b] = node.inputs;
    if (a === b || !sameShape(a.info.shape, b.info.shape)) continue;
    // The later one first: it stands nearer, so that less is kept for longer.
    const [first, second] =
      nodes.indexOf(a.producer!) > nodes.indexOf(b.producer!) ? [a, b] : [b, a];
    if (!addInto(nodes, node, first, second)) addInto(nodes, node, second, first);
  }
}

/** Lets slices that together are all of a value be cut by one dispatch: the gradients of what was joined. */
export function fuseSlices(nodes: StepNode[]): void {
  const slices = new Map<StepValue, StepNode[]>();
  for (const node of nodes) {
    if (node.op !== sliceOp.spec) continue;
    const [whole] = node.inputs;
    slices.set(whole, [...(slices.get(whole) ?? []), node]);
  }
  for (const [whole, parts] of slices) {
    const attrs = cutOfSlices(
      whole.info,
      parts.map(({ attrs }) => attrs as SliceAttrs),
    );
    const [first, last] = [parts[0], parts[parts.length - 1]].map((node) => nodes.indexOf(node));
    if (!attrs || isWritten([whole], nodes.slice(first, last))) continue;
    const outputs = parts.flatMap((node) => node.outputs);
    const cut: StepNode = {
      op: cutOp.spec,
      attrs,
      inputs: [whole],
      outputs,
      updates: [],
      varies: false,
    };
    for (const output of outputs) output.producer = cut;
    whole.users.splice(
      0,
      whole.users.length,
      ...whole.users.filter((node) => !parts.includes(node)),
      cut,
    );
    nodes[first] = cut;
    for (const node of parts.slice(1)) nodes.splice(nodes.indexOf(node), 1);
  }
}

/** Lets the producer of `own` add `other` and stand where the sum stood. */
function addInto(nodes: StepNode[], sum: StepNode, own: StepValue, other: StepValue): boolean {
  const { producer } = own;
  const attrs = producer?.op.fusion?.adding?.(producer.attrs);
  if (!producer || attrs === undefined || producer.varies || producer.updates.length > 0)
    return false;
  if (own.users.length !== 1 || own.memory || own.alias || producer.outputs.length !== 1)
    return false;
  const [from, to] = [nodes.indexOf(producer), nodes.indexOf(sum)];
  if (from < 0 || isWritten(producer.inputs, nodes.slice(from + 1, to))) return false;
  const [output] = sum.outputs;
  const fused: StepNode = {
    op: producer.op,
    attrs,
    inputs: [...producer.inputs, other],
    outputs: [output],
    updates: [],
    varies: false,
  };
  output.producer = fused;
  for (const value of producer.inputs) replaceUser(value, producer, fused);
  replaceUser(other, sum, fused);
  nodes[to] = fused;
  nodes.splice(from, 1);
  return true;
}

/** Whether one of the nodes writes in place what these values lie in. */
function isWritten(values: readonly StepValue[], nodes: readonly StepNode[]): boolean {
  const roots = new Set(values.map(rootOf));
  return nodes.some(({ inputs, updates }) => updates.some((k) => roots.has(rootOf(inputs[k]))));
}

function replaceUser({ users }: StepValue, before: StepNode, after: StepNode): void {
  users[users.indexOf(before)] = after;
}
