import type { Shape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { div, equal, mul } from "../binary/forward.js";
import { broadcastTo, reshape } from "../movement/forward.js";
import { where } from "../select/forward.js";
import type { Gradient } from "../spec.js";
import { mulScalar } from "../unary/forward.js";
import { prod, type ReduceAttrs, reducedShape, sum } from "./forward.js";

/** The reduced tensor stretched back to the shape it came from. */
function spread(t: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return broadcastTo(reshape(t, reducedShape(shape, axes, true)), shape);
}

export const sumGradient: Gradient<ReduceAttrs> = ([g], [x], _, { axes }) => [
  g && spread(g, x.shape, axes),
];

export const meanGradient: Gradient<ReduceAttrs> = ([g], [x], [y], { axes }) => [
  g && spread(mulScalar(g, y.size / x.size), x.shape, axes),
];

export const sumSquaresGradient: Gradient<ReduceAttrs> = ([g], [x], _, { axes }) => [
  g && mul(x, spread(mulScalar(g, 2), x.shape, axes)),
];

/** The product of the other elements: by division where none is 0, and where one is, for that one alone. */
export const prodGradient: Gradient<ReduceAttrs> = ([g], [x], _, { axes }) => {
  if (!g) return [];
  const zero = equal(x, 0);
  const zeros = broadcastTo(sum(zero, { axes, keepDims: true }), x.shape);
  const filled = where(zero, 1, x);
  const others = div(prod(filled, { axes, keepDims: true }), filled);
  const share = where(equal(zeros, zero), others, 0);
  return [mul(share, spread(g, x.shape, axes))];
};

/** The gradient of an extreme value, shared equally by the elements that attain it (as PyTorch's amax). */
export const extremeGradient: Gradient<ReduceAttrs> = ([g], [x], [y], { axes }) => {
  if (!g) return [];
  const kept = reducedShape(x.shape, axes, true);
  const attains = equal(x, reshape(y, kept));
  const share = div(reshape(g, kept), sum(attains, { axes, keepDims: true }));
  return [mul(attains, share)];
};
