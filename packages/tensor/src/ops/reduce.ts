import { argReduce, fill, type ReduceOp, reduce } from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../core/errors.js";
import {
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from "../core/shape.js";
import type { Tensor, TensorInfo } from "../core/tensor.js";
import { div, equal, mul } from "./binary.js";
import { requireDtype } from "./dtype-check.js";
import { broadcastTo, reshape } from "./movement.js";
import { defineOp, type OpRun } from "./op.js";
import { runPlan } from "./run-plan.js";
import { mulScalar } from "./unary.js";

interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Options of a reduction. */
export interface ReduceOptions {
  /** Axes to reduce; all by default. Negative axes count from the end. */
  readonly axes?: readonly number[];
  /** Keep the reduced axes with extent 1. */
  readonly keepDims?: boolean;
}

function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  return shape.filter((_, axis) => !axes.includes(axis));
}

function outputs(op: ReduceOp, x: TensorInfo, { axes, keepDims }: ReduceAttrs): TensorInfo[] {
  if (op === "mean") requireDtype(op, x, "f32");
  else requireDtype(op, x, "f32", "i32", "u32");
  if ((op === "max" || op === "min") && axes.some((axis) => x.shape[axis] === 0)) {
    throw new ShapeError(
      `${op}: no elements along axes ${showShape(axes)} of ${showShape(x.shape)}`,
    );
  }
  return [{ shape: reducedShape(x.shape, axes, keepDims), dtype: x.dtype }];
}

function forward(op: ReduceOp, run: OpRun, x: Tensor, y: Tensor, axes: readonly number[]): void {
  const type = x.dtype as "f32" | "i32" | "u32";
  if (x.size === 0) {
    run.kernel(fill(y.size, op === "mean" ? Number.NaN : 0, type), [y]);
    return;
  }
  runPlan(run, reduce({ op, shape: x.shape, axes, type }), [x], [y], type);
}

type Backward = (g: Tensor, x: Tensor, y: Tensor, axes: readonly number[]) => Tensor;

function declare(op: ReduceOp, backward: Backward): (x: Tensor, options?: ReduceOptions) => Tensor {
  const apply = defineOp<ReduceAttrs>({
    name: op,
    outputs: ([x], attrs) => outputs(op, x, attrs),
    forward: (run, [x], [y], { axes }) => forward(op, run, x, y, axes),
    backward: ([g], [x], [y], { axes }) => [g && backward(g, x, y, axes)],
  });
  return (x, { axes, keepDims = false } = {}) =>
    apply([x], { axes: normalizeAxes(op, axes, x.shape), keepDims })[0];
}

/** The reduced tensor stretched back to the shape it came from. */
function spread(t: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return broadcastTo(reshape(t, reducedShape(shape, axes, true)), shape);
}

/** The gradient of an extreme value, shared equally by the elements that attain it (as PyTorch's amax). */
function extremeBackward(g: Tensor, x: Tensor, y: Tensor, axes: readonly number[]): Tensor {
  const kept = reducedShape(x.shape, axes, true);
  const attains = equal(x, reshape(y, kept));
  const share = div(reshape(g, kept), sum(attains, { axes, keepDims: true }));
  return mul(attains, share);
}

/** Sum over axes; pairwise in f32, so that long axes stay accurate. */
export const sum = /* @__PURE__ */ declare("sum", (g, x, _, axes) => spread(g, x.shape, axes));

/** Mean over axes. */
export const mean = /* @__PURE__ */ declare("mean", (g, x, y, axes) =>
  mulScalar(spread(g, x.shape, axes), y.size / x.size),
);

/** Sum of squares over axes. */
export const sumSquares = /* @__PURE__ */ declare("sumSquares", (g, x, _, axes) =>
  mul(mulScalar(x, 2), spread(g, x.shape, axes)),
);

/** Largest element over axes; the gradient is shared by the elements that attain it. */
export const max = /* @__PURE__ */ declare("max", extremeBackward);

/** Smallest element over axes; the gradient is shared by the elements that attain it. */
export const min = /* @__PURE__ */ declare("min", extremeBackward);

/** Sums a tensor down to a shape that broadcasts to its own: the adjoint of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.map((_, k) => k).filter((k) => k < lead || shape[k - lead] !== x.shape[k]);
  return reshape(axes.length > 0 ? sum(x, { axes }) : x, shape);
}

function declareArg(
  op: "argmax" | "argmin",
): (x: Tensor, axis: number, keepDims?: boolean) => Tensor {
  const apply = defineOp<{ axis: number; keepDims: boolean }>({
    name: op,
    outputs: ([x], { axis, keepDims }) => {
      requireDtype(op, x, "f32", "i32", "u32");
      if (x.shape[axis] === 0)
        throw new ShapeError(`${op}: axis ${axis} of ${showShape(x.shape)} is empty`);
      return [{ shape: reducedShape(x.shape, [axis], keepDims), dtype: "i32" }];
    },
    forward: (run, [x], [y], { axis }) => {
      const spec = {
        op,
        outer: sizeOf(x.shape.slice(0, axis)),
        extent: x.shape[axis],
        inner: sizeOf(x.shape.slice(axis + 1)),
        type: x.dtype as "f32" | "i32" | "u32",
      };
      run.kernel(argReduce(spec), [x, y]);
    },
  });
  return (x, axis, keepDims = false) =>
    apply([x], { axis: normalizeAxis(op, axis, x.shape), keepDims })[0];
}

/** Position of the largest element along an axis, as i32; the first one where several are equal. */
export const argmax = /* @__PURE__ */ declareArg("argmax");
/** Position of the smallest element along an axis, as i32; the first one where several are equal. */
export const argmin = /* @__PURE__ */ declareArg("argmin");
