import {
  fill,
  gatherElements as gatherElementsKernel,
  gather as gatherKernel,
  type ScatterSpec,
  scatterAdd as scatterAddKernel,
  scatterAddSorted,
  scatterElements as scatterElementsKernel,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { slice } from "../movement/forward.js";
import { defineOp } from "../op.js";
import type { OpRun } from "../spec.js";

export interface GatherAttrs {
  readonly axis: number;
}

/** A shape as what lies before an axis, the axis, and what lies behind it. */
export function dimensions(shape: Shape, axis: number) {
  return {
    outer: sizeOf(shape.slice(0, axis)),
    extent: shape[axis],
    inner: sizeOf(shape.slice(axis + 1)),
  };
}

export const gatherOp = /* @__PURE__ */ defineOp<GatherAttrs>({
  name: "gather",
  outputs: ([x, index], { axis }) => {
    requireDtype("gather's index", index, "i32");
    const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
    return [{ shape, dtype: x.dtype }];
  },
  forward: (run, [x, index], [y], { axis }) => {
    const spec = { ...dimensions(x.shape, axis), indices: index.size, type: x.dtype };
    run.kernel(gatherKernel(spec), [x, index, y]);
  },
});

/**
 * Slices of `x` along an axis at the positions in `index` (i32, any shape, which takes the axis' place): PyTorch's
 * `index_select`, and its embedding along axis 0. Negative positions count from the end; those out of range give zeros.
 * For an index to each element see `gatherElements`.
 */
export function gather(x: Tensor, index: Tensor, axis = 0): Tensor {
  return gatherOp([x, index], { axis: normalizeAxis("gather", axis, x.shape) })[0];
}

export interface ScatterAttrs extends GatherAttrs {
  readonly extent: number;
}

/**
 * Comparisons (of four elements where rows are vectors of such) from which sorting the indices first is faster than going
 * through all of them for every row. In milliseconds, searched and sorted: 384 indices into 27 rows of 32 0.6 and 1.7, into
 * 1,000 rows 7.4 and 1.7; 2,000 into 500 of 16 23 and 12; 20,000 into 5,000 of 16 870 and 67 (llvmpipe, Mesa
 * 25.0.7, two cores that others used too, in turn, 2026-11-29).
 */
const SORT_FROM = 1e6;

function addUp(run: OpRun, spec: ScatterSpec, [source, index]: readonly Tensor[], y: Tensor): void {
  const { outer, extent, inner, indices, elements } = spec;
  const width = elements || inner % 4 !== 0 ? 1 : 4;
  if ((outer * extent * inner * indices) / width < SORT_FROM) {
    run.kernel(scatterAddKernel(spec), [source, index, y]);
    return;
  }
  const { elements: room, startElements, kernels, starts, sum } = scatterAddSorted(spec);
  const pairs = run.scratch(room, "u32");
  for (const [k, kernel] of kernels.entries()) run.kernel(kernel, k ? [pairs] : [index, pairs]);
  const begins = run.scratch(startElements, "u32");
  run.kernel(starts, [pairs, begins]);
  run.kernel(sum, [source, pairs, begins, y]);
}

export const scatterOp = /* @__PURE__ */ defineOp<ScatterAttrs>({
  name: "scatterAdd",
  outputs: ([source, index], { axis, extent }) => {
    requireDtype("scatterAdd", source, "f32", "i32", "u32");
    requireDtype("scatterAdd's index", index, "i32");
    const place = source.shape.slice(axis, axis + index.shape.length);
    if (showShape(place) !== showShape(index.shape)) {
      throw new ShapeError(
        `scatterAdd: index ${showShape(index.shape)} for ${showShape(source.shape)} at axis ${axis}; the source has the index' shape in the axis' place`,
      );
    }
    const rest = source.shape.slice(axis + index.shape.length);
    return [{ shape: [...source.shape.slice(0, axis), extent, ...rest], dtype: source.dtype }];
  },
  forward: (run, [source, index], [y], { axis }) => {
    const type = source.dtype as "f32" | "i32" | "u32";
    const spec = { ...dimensions(y.shape, axis), indices: index.size, type, elements: false };
    addUp(run, spec, [source, index], y);
  },
});

/**
 * Zeros of `extent` along an axis, with every slice of `source` added at the position its `index` names: the adjoint of
 * `gather`, PyTorch's `index_add`. Adds in the order of the index, so results are the same every time.
 */
export function scatterAdd(source: Tensor, index: Tensor, extent: number, axis = 0): Tensor {
  const at = axis < 0 ? axis + source.rank - index.rank + 1 : axis;
  return scatterOp([source, index], { axis: at, extent })[0];
}

export const gatherElementsOp = /* @__PURE__ */ defineOp<GatherAttrs>({
  name: "gatherElements",
  outputs: ([x, index], { axis }) => {
    requireDtype("gatherElements' index", index, "i32");
    const fits = index.shape.every((n, k) => k === axis || n === x.shape[k]);
    if (index.shape.length !== x.shape.length || !fits) {
      throw new ShapeError(
        `gatherElements: index ${showShape(index.shape)} for ${showShape(x.shape)} along axis ${axis}; it has as many axes, and no larger extents on the others`,
      );
    }
    return [{ shape: index.shape, dtype: x.dtype }];
  },
  forward: (run, [x, index], [y], { axis }) => {
    const spec = { ...dimensions(x.shape, axis), indices: index.shape[axis], type: x.dtype };
    run.kernel(gatherElementsKernel(spec), [x, index, y]);
  },
});

/**
 * Elements of `x` along an axis, each at the position that `index` (i32) has in its place: PyTorch's `gather`. The index
 * has as many axes as x and no larger extents on the others; the result has its shape. Negative positions count from the
 * end; those out of range give zeros.
 */
export function gatherElements(x: Tensor, index: Tensor, axis: number): Tensor {
  const at = normalizeAxis("gatherElements", axis, x.shape);
  const ranges = x.shape.map((n, k) => {
    const end = index.shape[k];
    return k !== at && end < n ? { end } : undefined;
  });
  const narrowed = index.rank === x.rank && ranges.some(Boolean);
  const part = narrowed ? slice(x, ranges) : x;
  const [y] = gatherElementsOp([part, index], { axis: at });
  if (narrowed) part.dispose();
  return y;
}

export interface ScatterElementsAttrs extends ScatterAttrs {
  /** Whether no two indices of a line are equal, and all are within. */
  readonly unique: boolean;
}

export const scatterElementsOp = /* @__PURE__ */ defineOp<ScatterElementsAttrs>({
  name: "scatterAddElements",
  outputs: ([source, index], { axis, extent }) => {
    requireDtype("scatterAddElements", source, "f32", "i32", "u32");
    requireDtype("scatterAddElements' index", index, "i32");
    if (!sameShape(source.shape, index.shape)) {
      throw new ShapeError(
        `scatterAddElements: index ${showShape(index.shape)} for ${showShape(source.shape)}; both must have one shape`,
      );
    }
    const shape = source.shape.map((n, k) => (k === axis ? extent : n));
    return [{ shape, dtype: source.dtype }];
  },
  forward: (run, [source, index], [y], { axis, unique }) => {
    const type = source.dtype as "f32" | "i32" | "u32";
    const spec = { ...dimensions(y.shape, axis), indices: index.shape[axis], type };
    if (!unique) {
      addUp(run, { ...spec, elements: true }, [source, index], y);
      return;
    }
    run.kernel(fill(y.size, 0, type), [y]);
    if (source.size > 0) run.kernel(scatterElementsKernel(spec), [source, index, y]);
  },
});

/**
 * Zeros of `extent` along an axis, with every element of `source` added at the position that `index` (i32, of the
 * source's shape) has in its place: the adjoint of `gatherElements`, PyTorch's `scatter_add`. Adds in the order of the
 * index, so results are the same every time; positions out of range add nothing.
 */
export function scatterAddElements(
  source: Tensor,
  index: Tensor,
  extent: number,
  axis: number,
): Tensor {
  requireIntegers("scatterAddElements' extent", [extent], 0);
  const at = normalizeAxis("scatterAddElements", axis, source.shape);
  return scatterElementsOp([source, index], { axis: at, extent, unique: false })[0];
}
