import { argReduce, fill, type ReduceOp, reduce } from "@retinaface-webgpu/kernels-wgsl";
import { requireList, requireOptions } from "../../core/arguments.js";
import type { DType } from "../../core/dtype.js";
import { ShapeError } from "../../core/errors.js";
import { normalizeAxes, normalizeAxis, type Shape, showShape, sizeOf } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { defineOp, type Op } from "../op.js";
import { runPlan } from "../run-plan.js";
import type { OpRun } from "../spec.js";

export interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** Options of a reduction. */
export interface ReduceOptions {
  /** Axes to reduce; all by default, an empty list none. Negative axes count from the end. */
  readonly axes?: readonly number[] | undefined;
  /** Keep the reduced axes with extent 1. */
  readonly keepDims?: boolean | undefined;
}

export function reducedShape(shape: Shape, axes: readonly number[], keepDims: boolean): number[] {
  if (keepDims) return shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  return shape.filter((_, axis) => !axes.includes(axis));
}

function outputs(op: ReduceOp, x: TensorInfo, { axes, keepDims }: ReduceAttrs): TensorInfo[] {
  if (op === "mean") requireDtype(op, x, "f32", "f16");
  return [{ shape: reducedShape(x.shape, axes, keepDims), dtype: x.dtype }];
}

const LEAST = {
  f32: Number.NEGATIVE_INFINITY,
  f16: Number.NEGATIVE_INFINITY,
  i32: -(2 ** 31),
  u32: 0,
};
const MOST = {
  f32: Number.POSITIVE_INFINITY,
  f16: Number.POSITIVE_INFINITY,
  i32: 2 ** 31 - 1,
  u32: 2 ** 32 - 1,
};

/** What an operation gives for no elements: what changes no result that it is joined to, and no mean. */
function ofNothing(op: ReduceOp, type: DType): number {
  if (op === "max") return LEAST[type];
  if (op === "min") return MOST[type];
  if (op === "mean") return Number.NaN;
  return op === "prod" ? 1 : 0;
}

function forward(op: ReduceOp, run: OpRun, x: Tensor, y: Tensor, axes: readonly number[]): void {
  const type = x.dtype;
  if (x.size === 0) {
    run.kernel(fill(y.size, ofNothing(op, type), type), [y]);
    return;
  }
  runPlan(run, reduce({ op, shape: x.shape, axes, type }), [x], [y], type === "f16" ? "f32" : type);
}

function declare(op: ReduceOp): Op<ReduceAttrs> {
  return defineOp<ReduceAttrs>({
    name: op,
    outputs: ([x], attrs) => outputs(op, x, attrs),
    forward: (run, [x], [y], { axes }) => forward(op, run, x, y, axes),
  });
}

export const sumOp = /* @__PURE__ */ declare("sum");
export const meanOp = /* @__PURE__ */ declare("mean");
export const sumSquaresOp = /* @__PURE__ */ declare("sumSquares");
export const prodOp = /* @__PURE__ */ declare("prod");
export const maxOp = /* @__PURE__ */ declare("max");
export const minOp = /* @__PURE__ */ declare("min");

function apply(op: Op<ReduceAttrs>, x: Tensor, options: ReduceOptions): Tensor {
  requireOptions(op.spec.name, options, ["axes", "keepDims"]);
  const { axes, keepDims = false } = options;
  if (axes !== undefined) requireList(`${op.spec.name}'s axes`, axes, "axes");
  return op([x], { axes: normalizeAxes(op.spec.name, axes, x.shape), keepDims })[0];
}

/** Sum over axes, 0 of no elements; pairwise in f32, so that long axes stay accurate, also of f16. */
export const sum = (x: Tensor, options: ReduceOptions = {}): Tensor => apply(sumOp, x, options);

/** Mean over axes; NaN of no elements. */
export const mean = (x: Tensor, options: ReduceOptions = {}): Tensor => apply(meanOp, x, options);

/** Sum of squares over axes. */
export const sumSquares = (x: Tensor, options: ReduceOptions = {}): Tensor =>
  apply(sumSquaresOp, x, options);

/** Product over axes; 1 of no elements. Integers wrap around. */
export const prod = (x: Tensor, options: ReduceOptions = {}): Tensor => apply(prodOp, x, options);

/**
 * Largest element over axes; the gradient is shared by the elements that attain it. Of no elements it is −∞, the
 * type's smallest number for integers (ONNX's ReduceMax).
 */
export const max = (x: Tensor, options: ReduceOptions = {}): Tensor => apply(maxOp, x, options);

/** Smallest element over axes, as `max`; of no elements +∞ or the type's largest number. */
export const min = (x: Tensor, options: ReduceOptions = {}): Tensor => apply(minOp, x, options);

function declareArg(
  op: "argmax" | "argmin",
): (x: Tensor, axis: number, keepDims?: boolean) => Tensor {
  const apply = defineOp<{ axis: number; keepDims: boolean }>({
    name: op,
    outputs: ([x], { axis, keepDims }) => {
      requireDtype(op, x, "f32", "i32", "u32");
      if (x.shape[axis] === 0)
        throw new ShapeError(
          `${op}: axis ${axis} of ${showShape(x.shape)} is empty; there is none to choose`,
        );
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
