import { ShapeError, TensorError } from "../core/errors.js";
import { noGrad } from "../core/grad-mode.js";
import { keep, tidy } from "../core/scope.js";
import { showShape } from "../core/shape.js";
import { Storage } from "../core/storage.js";
import type { Saved, TapeNode } from "../core/tape.js";
import { type BackwardOptions, requireGradientOf, Tensor } from "../core/tensor.js";
import { add } from "../ops/binary/forward.js";
import { ones } from "../ops/create.js";
import { gradientOf } from "./gradients.js";
import { watchGrowth } from "./growth.js";

type Node = TapeNode<Tensor>;

/** See `Tensor.backward`. */
export function runBackward(
  root: Tensor,
  gradient: Tensor | undefined,
  { retainGraph = false }: BackwardOptions,
): void {
  check(root, gradient);
  const leaves = new Set<Tensor>();
  noGrad(() =>
    tidy(() => {
      const start = gradient ?? ones(root.device, root.shape, { dtype: root.dtype });
      if (!root.node) accumulate(root, start, leaves);
      else propagate([[root, start]], leaves, retainGraph);
    }),
  );
  unshare(leaves);
  if (!root.traced) watchGrowth(root.device);
}

/** Takes the gradients of several results of one graph to its leaves. */
export function runBackwardOf(results: readonly (readonly [Tensor, Tensor])[]): void {
  const leaves = new Set<Tensor>();
  noGrad(() => tidy(() => propagate(results, leaves, false)));
  unshare(leaves);
}

/** Gives every leaf a gradient of its own. */
function unshare(leaves: Iterable<Tensor>): void {
  for (const leaf of leaves) {
    const { grad } = leaf;
    if (grad && !grad.traced && grad.storage.isShared) leaf.grad = copyOf(grad);
  }
}

function check(root: Tensor, gradient: Tensor | undefined): void {
  if (!root.requiresGrad) {
    throw new TensorError(
      "NO_GRAPH",
      "backward(): nothing this tensor depends on requires a gradient. Compute it outside noGrad() from tensors " +
        "made with { requiresGrad: true } or from a module's parameters.",
    );
  }
  if (!gradient) {
    if (root.size === 1) return;
    throw new ShapeError(
      `backward: a tensor ${showShape(root.shape)} needs an explicit gradient; reduce it first`,
    );
  }
  requireGradientOf("backward", root, gradient);
  if (gradient.device !== root.device) {
    throw new TensorError(
      "DEVICE_MISMATCH",
      "backward: the gradient is on another device than the tensor; make it on tensor.device.",
    );
  }
}

function propagate(
  starts: readonly (readonly [result: Tensor, gradient: Tensor])[],
  leaves: Set<Tensor>,
  retainGraph: boolean,
): void {
  const order = topologicalOrder(starts.flatMap(([{ node }]) => node ?? []));
  for (const node of order) node.retain();
  try {
    const flow = new Flow(leaves);
    for (const [result, gradient] of starts) flow.add(result, gradient);
    for (const node of order) {
      if (flow.through(node) && !retainGraph) node.spend();
    }
  } finally {
    for (const node of order) node.release();
  }
}

/** Gradients on their way from the root to the leaves. */
class Flow {
  readonly #leaves: Set<Tensor>;
  /** By operation, those of its outputs. */
  readonly #gradients = new Map<Node, (Tensor | undefined)[]>();
  /** A gradient may be one tensor flowing to several places: only sums made here can be freed here. */
  readonly #owned = new Set<Tensor>();

  constructor(leaves: Set<Tensor>) {
    this.#leaves = leaves;
  }

  /** Adds a gradient of `tensor`, or of what an operation read. */
  add({ gradientTarget: target }: Pick<Tensor, "gradientTarget">, gradient: Tensor): void {
    if (!target) return;
    if (!target.node) {
      accumulate(target.leaf, gradient, this.#leaves);
      return;
    }
    const known = this.#gradients.get(target.node);
    const all = known ?? new Array<Tensor | undefined>(target.node.outputs.length).fill(undefined);
    if (!known) this.#gradients.set(target.node, all);
    const before = all[target.output];
    const sum = before ? add(before, gradient) : gradient;
    if (before && this.#owned.delete(before)) before.dispose();
    if (before) this.#owned.add(sum);
    all[target.output] = sum;
  }

  /** Takes the gradients of an operation's outputs to its inputs; false where there are none. */
  through(node: Node): boolean {
    const incoming = this.#gradients.get(node);
    if (!incoming) return false;
    this.#gradients.delete(node);
    const { op, attrs, targets } = node;
    const gradient = gradientOf(op);
    if (!gradient) throw new TensorError("NOT_DIFFERENTIABLE", withoutGradient(op.name));
    const restored: Tensor[] = [];
    const [inputs, outputs] = [node.inputs, node.outputs].map((all) =>
      all.map((saved) => restore(saved, restored)),
    );
    const needs = targets.map((target) => target !== undefined);
    const outgoing = gradient(incoming, inputs, outputs, attrs, needs);
    for (const [i, target] of targets.entries()) {
      const part = outgoing[i];
      if (!part || !target) continue;
      requireGradientOf(`the gradient of ${op.name} towards input ${i}`, inputs[i], part);
      this.add({ gradientTarget: target }, part);
    }
    for (const tensor of restored) if (!outgoing.includes(tensor)) tensor.dispose();
    return true;
  }
}

/** What an operation has saved, as a tensor; one that is made for it is noted. */
function restore(saved: Saved<Tensor>, made: Tensor[]): Tensor {
  if ("tensor" in saved) return saved.tensor;
  const tensor = new Tensor(saved.storage.device, saved, saved);
  made.push(tensor);
  return tensor;
}

function withoutGradient(name: string): string {
  return (
    `backward(): ${name} has no gradient: cut its input off by detach(), compute what it gives ` +
    "under noGrad(), or declare the operation with a gradient."
  );
}

/** A leaf that was disposed of has nobody to read its gradient. */
function accumulate(leaf: Tensor, gradient: Tensor, leaves: Set<Tensor>): void {
  if (leaf.isDisposed) return;
  const before = leaf.grad;
  const sum = before ? add(before, gradient) : gradient.detach();
  before?.dispose();
  leaf.grad = keep(sum);
  leaves.add(leaf);
}

/**
 * A tensor of the same values with memory of its own. Gradients may come to several leaves as one tensor, or be the
 * caller's, and clipping and accumulation change them in place.
 */
function copyOf(shared: Tensor): Tensor {
  const { device, storage } = shared;
  const own = new Storage(device, storage.bytes, "gradient");
  const bytes = Math.ceil(storage.bytes / 4) * 4;
  device.copy(storage.buffer.buffer, storage.offset, own.buffer.buffer, 0, bytes);
  const copy = keep(new Tensor(device, shared, own));
  shared.dispose();
  return copy;
}

/** Nodes from the roots back, every node after all users of its outputs. @throws TensorError `GRAPH_SPENT` */
function topologicalOrder(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  for (const root of roots) visit(root, seen, order);
  return order.reverse();
}

/** Appends what can be reached from a node and has not been seen, every node before its users. */
function visit(root: Node, seen: Set<Node>, order: Node[]): void {
  if (seen.has(root)) return;
  seen.add(root);
  const stack = [{ node: root, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (top.node.isSpent) {
      throw new TensorError(
        "GRAPH_SPENT",
        `backward(): it has been through ${top.node.op.name} before, and what its gradient needs is gone. Add the ` +
          "losses up and call backward() once, or give the first call { retainGraph: true }.",
      );
    }
    if (top.next === top.node.targets.length) {
      order.push(top.node);
      stack.pop();
      continue;
    }
    const node = top.node.targets[top.next++]?.node;
    if (node && !seen.has(node)) {
      seen.add(node);
      stack.push({ node, next: 0 });
    }
  }
}
