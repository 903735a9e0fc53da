import { sort as sortKernels } from "@retinaface-webgpu/kernels-wgsl";
import { requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { normalizeAxis, showShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { dimensions } from "../gather/forward.js";
import { defineOp } from "../op.js";

export interface SortAttrs {
  readonly axis: number;
  readonly descending: boolean;
  /** How many of each line are kept. */
  readonly take: number;
}

export const sortOp = /* @__PURE__ */ defineOp<SortAttrs>({
  name: "sort",
  outputs: ([x], { axis, take }) => {
    const shape = x.shape.map((n, k) => (k === axis ? take : n));
    return [
      { shape, dtype: x.dtype },
      { shape, dtype: "i32" },
    ];
  },
  forward: (run, [x], [values, positions], { axis, descending, take }) => {
    const spec = { ...dimensions(x.shape, axis), descending, take, type: x.dtype };
    const { elements, kernels, write } = sortKernels(spec);
    const pairs = run.scratch(elements, "u32");
    for (const [k, kernel] of kernels.entries()) run.kernel(kernel, k ? [pairs] : [x, pairs]);
    run.kernel(write, [x, pairs, values, positions]);
  },
});

/** Values in order, and where each of them stood. */
export interface Sorted {
  readonly values: Tensor;
  /** Positions along the axis (i32); no gradient flows through them. */
  readonly indices: Tensor;
}

/** Options of `sort` and `argsort`. */
export interface SortOptions {
  /** The last by default. */
  readonly axis?: number | undefined;
  /** The largest first; false by default. */
  readonly descending?: boolean | undefined;
}

function apply(x: Tensor, attrs: SortAttrs): Sorted {
  const [values, indices] = sortOp([x], attrs);
  return { values, indices };
}

/**
 * Sorts along an axis, the smallest first. Equal values keep their order (PyTorch's `stable=True`); NaN counts as larger
 * than any number.
 */
export function sort(x: Tensor, options: SortOptions = {}): Sorted {
  requireOptions("sort", options, ["axis", "descending"]);
  const { descending = false } = options;
  const axis = normalizeAxis("sort", options.axis ?? -1, x.shape);
  return apply(x, { axis, descending, take: x.shape[axis] });
}

/** Positions (i32) that put the values along an axis in order; as `sort`. */
export function argsort(x: Tensor, options: SortOptions = {}): Tensor {
  const { values, indices } = sort(x, options);
  values.dispose();
  return indices;
}

/** Options of `topk`. */
export interface TopkOptions {
  /** The last by default. */
  readonly axis?: number | undefined;
  /** False for the smallest; true by default. */
  readonly largest?: boolean | undefined;
}

/**
 * The k largest values along an axis, the largest first; of equal ones those that come first. NaN counts as larger than
 * any number.
 *
 * @throws ShapeError unless k is an integer from 0 to the axis' extent
 */
export function topk(x: Tensor, k: number, options: TopkOptions = {}): Sorted {
  requireOptions("topk", options, ["axis", "largest"]);
  const axis = normalizeAxis("topk", options.axis ?? -1, x.shape);
  if (!Number.isInteger(k) || k < 0 || k > x.shape[axis]) {
    throw new ShapeError(
      `topk: ${k} of the ${x.shape[axis]} elements along axis ${axis} of ${showShape(x.shape)}; give an integer from 0 to that`,
    );
  }
  return apply(x, { axis, descending: options.largest ?? true, take: k });
}
