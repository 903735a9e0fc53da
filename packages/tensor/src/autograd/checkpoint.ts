import { describe } from "../core/arguments.js";
import { TensorError } from "../core/errors.js";
import { gradEnabled, withGrad } from "../core/grad-mode.js";
import { tidy } from "../core/scope.js";
import { lastRecorded, TapeNode } from "../core/tape.js";
import { Tensor } from "../core/tensor.js";
import { Rerun } from "../ops/rerun.js";
import type { Gradient } from "../ops/spec.js";
import { runBackwardOf } from "./backward.js";

type Results = Tensor | readonly Tensor[];

/**
 * What `fn` makes of tensors, without keeping what its gradient needs: `backward()` computes that anew (Chen et al.
 * 2016, PyTorch's `torch.utils.checkpoint`). It takes the memory of a part's activations for its time once more. In
 * eager mode and in compiled steps alike.
 *
 * Parameters that `fn` uses get their gradients. Batch norm's running statistics and counts change once, and dropout
 * leaves out the same elements both times. Gradients differ by rounding at most, where those of several users of a
 * tensor are added in another order.
 *
 * @param fn must do the same both times and depend on nothing that changes in between; synchronous
 * @throws TensorError `CHECKPOINT` where it returns no tensors, uses a tensor with a graph that is not among `inputs`,
 * or, in the backward pass, does something else than in the forward pass
 */
export function checkpoint<R extends Results>(
  fn: (...inputs: Tensor[]) => R,
  ...inputs: readonly Tensor[]
): R {
  if (!gradEnabled()) return fn(...inputs);
  const rerun = new Rerun();
  return tidy(() => {
    const before = lastRecorded();
    const results = rerun.first(() => fn(...copiesOf(inputs)));
    const made = listOf(results);
    for (const { node } of made) if (node) requireOwn(node, before);
    const gradient = gradientBy((...again) => rerun.again(() => listOf(fn(...again))));
    const traced = made.some((tensor) => tensor.traced);
    const node = new TapeNode<Tensor>(
      { name: "checkpoint", gradient } as { readonly name: string },
      null,
      inputs.map((input) => input.save(traced)),
      [],
      inputs.map((input) => input.gradientTarget),
    );
    const wrapped = made.map((tensor, k) => {
      if (!tensor.requiresGrad) return tensor;
      const result = tensor.detach();
      result.setNode(node, k);
      return result;
    });
    return (results instanceof Tensor ? wrapped[0] : wrapped) as R;
  });
}

/** The same values as leaves: what happens to them does not reach the graph that they are from. */
function copiesOf(inputs: readonly Tensor[]): Tensor[] {
  return inputs.map((input) => {
    const copy = input.detach();
    copy.requiresGrad = input.requiresGrad;
    return copy;
  });
}

/** Runs `fn` again, with its graph this time, and goes back through that. */
function gradientBy(fn: (...inputs: Tensor[]) => readonly Tensor[]): Gradient<null> {
  return (grads, inputs, _, __, needs) =>
    tidy(() => {
      const leaves = inputs.map((input, i) => {
        const leaf = input.detach();
        leaf.requiresGrad = needs[i];
        return leaf;
      });
      const results = withGrad(() => fn(...leaves));
      runBackwardOf(
        results.flatMap((result, k) => {
          const gradient = grads[k];
          return gradient && result.requiresGrad ? [[result, gradient] as const] : [];
        }),
      );
      return leaves.map((leaf) => {
        const kept = leaf.grad;
        leaf.grad = undefined;
        const gradient = kept?.detach();
        kept?.dispose();
        return gradient;
      });
    });
}

function listOf(results: Results): readonly Tensor[] {
  const list = Array.isArray(results) ? results : [results];
  for (const each of list) {
    if (each instanceof Tensor) continue;
    throw new TensorError(
      "CHECKPOINT",
      `checkpoint(): its function must return a tensor or an array of tensors, at once; it returned ${describe(each)}.`,
    );
  }
  return list;
}

/** @throws TensorError unless all of a graph was recorded later than `before` */
function requireOwn(root: TapeNode<Tensor>, before: number): void {
  const seen = new Set([root]);
  for (const node of seen) {
    if (node.order <= before) {
      throw new TensorError(
        "CHECKPOINT",
        `checkpoint(): its function uses a result of ${node.op.name} from outside: pass that tensor as an input, so ` +
          "that its gradient goes on from there.",
      );
    }
    for (const target of node.targets) if (target?.node) seen.add(target.node);
  }
}
