import { ShapeError, TensorError } from "../core/errors.js";
import { noGrad } from "../core/grad-mode.js";
import { keep, tidy } from "../core/scope.js";
import { sameShape, showShape } from "../core/shape.js";
import type { TapeNode, Tensor } from "../core/tensor.js";
import { add } from "../ops/binary/forward.js";
import { ones } from "../ops/create.js";
import { gradientOf } from "./gradients.js";

/** See `Tensor.backward`. */
export function runBackward(root: Tensor, gradient: Tensor | undefined): void {
  if (!root.requiresGrad) {
    throw new TensorError(
      "NO_GRAPH",
      "backward(): nothing this tensor depends on requires a gradient.",
    );
  }
  if (gradient ? !sameShape(gradient.shape, root.shape) : root.size !== 1) {
    throw new ShapeError(
      gradient
        ? `backward: gradient ${showShape(gradient.shape)} for a tensor ${showShape(root.shape)}`
        : `backward: a tensor ${showShape(root.shape)} needs an explicit gradient; reduce it first`,
    );
  }
  noGrad(() => tidy(() => propagate(root, gradient ?? ones(root.device, root.shape))));
}

function propagate(root: Tensor, gradient: Tensor): void {
  const gradients = new Map<Tensor, Tensor>([[root, gradient]]);
  // A gradient may be one tensor object flowing to several places: only sums made here are ours.
  const owned = new Set<Tensor>();
  if (!root.node) {
    accumulate(root, gradient);
    return;
  }
  for (const node of topologicalOrder(root.node)) {
    const incoming = node.outputs.map((output) => gradients.get(output));
    if (incoming.every((grad) => grad === undefined)) continue;
    const gradient = gradientOf(node.op);
    if (!gradient) throw new TensorError("NOT_DIFFERENTIABLE", withoutGradient(node.op.name));
    const needs = node.inputs.map((input) => input.requiresGrad);
    const outgoing = gradient(incoming, node.inputs, node.outputs, node.attrs, needs);
    for (const [i, input] of node.inputs.entries()) {
      const grad = outgoing[i];
      if (!grad || !input.requiresGrad) continue;
      if (!input.node) {
        accumulate(input, grad);
        continue;
      }
      const before = gradients.get(input);
      const sum = before ? add(before, grad) : grad;
      if (before && owned.delete(before)) before.dispose();
      if (before) owned.add(sum);
      gradients.set(input, sum);
    }
    for (const output of node.outputs) gradients.delete(output);
  }
}

function withoutGradient(name: string): string {
  return (
    `backward(): ${name} has no gradient: cut its input off by detach(), compute what it gives ` +
    "under noGrad(), or declare the operation with a gradient."
  );
}

function accumulate(leaf: Tensor, grad: Tensor): void {
  const before = leaf.grad;
  const sum = before ? add(before, grad) : grad.detach();
  before?.dispose();
  leaf.grad = keep(sum);
}

/** Nodes from the root back, every node after all users of its outputs. */
function topologicalOrder(root: TapeNode): TapeNode[] {
  const order: TapeNode[] = [];
  const seen = new Set<TapeNode>();
  const stack: { node: TapeNode; next: number }[] = [{ node: root, next: 0 }];
  seen.add(root);
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (top.next === top.node.inputs.length) {
      order.push(top.node);
      stack.pop();
      continue;
    }
    const node = top.node.inputs[top.next++].node;
    if (node && !seen.has(node)) {
      seen.add(node);
      stack.push({ node, next: 0 });
    }
  }
  return order.reverse();
}
