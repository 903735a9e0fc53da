import {
  broadcastStrides,
  contiguousStrides,
  joinRows,
  MOST_JOINED,
  stridedCast,
  stridedCopy,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers, requireList, requireOptions } from "../../core/arguments.js";
import { DTYPES, type DType } from "../../core/dtype.js";
import { ShapeError, TensorError } from "../../core/errors.js";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { sameDtype } from "../dtype-check.js";
import { defineOp } from "../op.js";

export const reshapeOp = /* @__PURE__ */ defineOp<{ shape: Shape }>({
  name: "reshape",
  alias: true,
  outputs: ([x], { shape }) => {
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `reshape: ${showShape(x.shape)} has ${sizeOf(x.shape)} elements, ${showShape(shape)} ${sizeOf(shape)}; both must have the same`,
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  forward: () => undefined,
});

/** The same elements under another shape, sharing memory. One extent may be −1: what is left. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  requireList("reshape", shape, "extents");
  const known = shape.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const filled = shape.map((n) => (n === -1 && known > 0 ? x.size / known : n));
  if (
    shape.filter((n) => n === -1).length > 1 ||
    filled.some((n) => !Number.isInteger(n) || n < 0)
  ) {
    throw new ShapeError(
      `reshape: ${showShape(x.shape)} cannot become ${showShape(shape)}; the elements must divide up, and one extent at most be -1`,
    );
  }
  return reshapeOp([x], { shape: filled })[0];
}

/** Merges the axes `from` … `to` (inclusive) into one. */
export function flatten(x: Tensor, from = 0, to = -1): Tensor {
  const a = normalizeAxis("flatten", from, x.shape);
  const b = normalizeAxis("flatten", to, x.shape);
  if (b < a)
    throw new ShapeError(
      `flatten: axes ${from} to ${to} of ${showShape(x.shape)}; the first must not lie behind the last`,
    );
  const merged = sizeOf(x.shape.slice(a, b + 1));
  return reshape(x, [...x.shape.slice(0, a), merged, ...x.shape.slice(b + 1)]);
}

export const permuteOp = /* @__PURE__ */ defineOp<{ axes: readonly number[] }>({
  name: "permute",
  outputs: ([x], { axes }) => [{ shape: axes.map((axis) => x.shape[axis]), dtype: x.dtype }],
  forward: (run, [x], [y], { axes }) => {
    const strides = contiguousStrides(x.shape);
    const from = { strides: axes.map((axis) => strides[axis]) };
    const to = { strides: contiguousStrides(y.shape) };
    run.kernel(stridedCopy({ shape: y.shape, from, to, type: x.dtype }), [x, y]);
  },
});

/** Reorders axes: axis k of the result is axis `axes[k]` of x. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  requireList("permute", axes, "axes");
  const order = axes.map((axis) => normalizeAxis("permute", axis, x.shape));
  if (order.length !== x.rank || new Set(order).size !== x.rank) {
    throw new ShapeError(
      `permute: axes ${showShape(axes)} for a tensor ${showShape(x.shape)}; name each axis once`,
    );
  }
  return permuteOp([x], { axes: order })[0];
}

/** Exchanges two axes; by default the last two. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  const [i, j] = [a, b].map((axis) => normalizeAxis("transpose", axis, x.shape));
  [axes[i], axes[j]] = [j, i];
  return permute(x, axes);
}

export const broadcastOp = /* @__PURE__ */ defineOp<{ shape: Shape }>({
  name: "broadcastTo",
  outputs: ([x], { shape }) => {
    const lead = shape.length - x.shape.length;
    if (lead < 0 || x.shape.some((n, axis) => n !== 1 && n !== shape[axis + lead])) {
      throw new ShapeError(
        `broadcastTo: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}; extents must agree or be 1, from the last axis on`,
      );
    }
    return [{ shape, dtype: x.dtype }];
  },
  forward: (run, [x], [y]) => {
    const from = { strides: broadcastStrides(x.shape, y.shape) };
    const to = { strides: contiguousStrides(y.shape) };
    run.kernel(stridedCopy({ shape: y.shape, from, to, type: x.dtype }), [x, y]);
  },
});

/** Repeats a tensor along axes of extent 1 and new leading axes; one that has the shape already is returned as it is. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  requireList("broadcastTo", shape, "extents");
  return sameShape(x.shape, shape) ? x : broadcastOp([x], { shape })[0];
}

export const castOp = /* @__PURE__ */ defineOp<{ dtype: DType }>({
  name: "cast",
  outputs: ([x], { dtype }) => [{ shape: x.shape, dtype }],
  forward: (run, [x], [y]) => {
    const strides = contiguousStrides(x.shape);
    const spec = { shape: x.shape, from: { strides }, to: { strides } };
    const own = { ...spec, type: x.dtype };
    run.kernel(x.dtype === y.dtype ? stridedCopy(own) : stridedCast(own, y.dtype), [x, y]);
  },
});

/**
 * Converts the element type, floats to integers towards zero: what lies beyond the integers, infinities too, becomes the
 * nearest of them, and NaN 0. A tensor that has the type already is returned as it is.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  if (!DTYPES.includes(dtype)) {
    throw new TensorError(
      "DTYPE",
      `cast(x, "${dtype}"): there are ${DTYPES.join(", ")}; take one.`,
    );
  }
  return x.dtype === dtype ? x : castOp([x], { dtype })[0];
}

export const concatOp = /* @__PURE__ */ defineOp<{ axis: number }>({
  name: "concat",
  fusion: { computes: ({ axis }) => ({ kind: "join", axis }) },
  outputs: (inputs, { axis }) => {
    sameDtype("concat", inputs);
    const [first] = inputs;
    for (const { shape } of inputs) {
      const fits =
        shape.length === first.shape.length &&
        shape.every((n, k) => k === axis || n === first.shape[k]);
      if (!fits) {
        throw new ShapeError(
          `concat: ${showShape(first.shape)} and ${showShape(shape)} differ outside axis ${axis}; reshape or broadcast one of them`,
        );
      }
    }
    const total = inputs.reduce((n, input) => n + input.shape[axis], 0);
    return [{ shape: first.shape.map((n, k) => (k === axis ? total : n)), dtype: first.dtype }];
  },
  forward: (run, inputs, [y], { axis }) => {
    const parts = inputs.filter(({ size }) => size > 0);
    if (parts.length > 1 && parts.length <= MOST_JOINED) {
      run.kernel(joinRows(rowsOf(y, parts, axis)), [...parts, y]);
      return;
    }
    const strides = contiguousStrides(y.shape);
    let offset = 0;
    for (const x of inputs) {
      const from = { strides: contiguousStrides(x.shape) };
      const to = { strides, offset: offset * strides[axis] };
      if (x.size > 0) run.kernel(stridedCopy({ shape: x.shape, from, to, type: x.dtype }), [x, y]);
      offset += x.shape[axis];
    }
  },
});

/** Parts of a tensor along an axis as rows side by side. */
export function rowsOf(whole: TensorInfo, parts: readonly TensorInfo[], axis: number) {
  return {
    rows: sizeOf(whole.shape.slice(0, axis)),
    lengths: parts.map(({ shape }) => sizeOf(shape.slice(axis))),
    type: whole.dtype,
  };
}

/** Joins tensors along an axis; other extents must agree. */
export function concat(tensors: readonly Tensor[], axis: number): Tensor {
  requireList("concat", tensors, "tensors");
  if (tensors.length === 0) throw new ShapeError("concat: no tensors given; it joins at least one");
  return concatOp(tensors, { axis: normalizeAxis("concat", axis, tensors[0].shape) })[0];
}

export interface SliceAttrs {
  readonly starts: readonly number[];
  readonly steps: readonly number[];
  readonly shape: Shape;
}

export function sliceView(shape: Shape, { starts, steps }: SliceAttrs) {
  const strides = contiguousStrides(shape);
  return {
    strides: strides.map((s, axis) => s * steps[axis]),
    offset: starts.reduce((sum, start, axis) => sum + start * strides[axis], 0),
  };
}

export const sliceOp = /* @__PURE__ */ defineOp<SliceAttrs>({
  name: "slice",
  outputs: ([x], { shape }) => [{ shape, dtype: x.dtype }],
  forward: (run, [x], [y], attrs) => {
    const from = sliceView(x.shape, attrs);
    const to = { strides: contiguousStrides(y.shape) };
    run.kernel(stridedCopy({ shape: y.shape, from, to, type: x.dtype }), [x, y]);
  },
});

/** Elements start, start + step, … before end along one axis; Python's rules for negatives and bounds. */
export interface SliceRange {
  readonly start?: number;
  readonly end?: number;
  readonly step?: number;
}

function resolveRange({ start, end, step = 1 }: SliceRange, extent: number) {
  if (!Number.isInteger(step) || step === 0) {
    throw new ShapeError(`slice: step ${step}; it must be an integer other than 0`);
  }
  for (const place of [start, end]) {
    if (place === undefined || Number.isInteger(place) || Math.abs(place) === Infinity) continue;
    throw new ShapeError(
      `slice: from ${start} to ${end}; both must be integers, or left out for the ends`,
    );
  }
  const [low, high] = step > 0 ? [0, extent] : [-1, extent - 1];
  const place = (value: number | undefined, otherwise: number) => {
    if (value === undefined) return otherwise;
    return Math.min(Math.max(value < 0 ? value + extent : value, low), high);
  };
  const from = place(start, step > 0 ? 0 : extent - 1);
  const to = place(end, step > 0 ? extent : -1);
  return { from, step, length: Math.max(0, Math.ceil((to - from) / step)) };
}

/** A part of a tensor: one range for each leading axis, `undefined` or none for all of an axis. */
export function slice(x: Tensor, ranges: readonly (SliceRange | undefined)[]): Tensor {
  requireList("slice", ranges, "ranges such as { start: 1, end: 3 }");
  for (const range of ranges) if (range) requireOptions("slice", range, ["start", "end", "step"]);
  if (ranges.length > x.rank) {
    throw new ShapeError(
      `slice: ${ranges.length} ranges for a tensor ${showShape(x.shape)}; give at most one for each axis`,
    );
  }
  const resolved = x.shape.map((extent, axis) => resolveRange(ranges[axis] ?? {}, extent));
  return sliceOp([x], {
    starts: resolved.map((r) => r.from),
    steps: resolved.map((r) => r.step),
    shape: resolved.map((r) => r.length),
  })[0];
}

/** `length` elements of one axis from `start` on. */
export function narrow(x: Tensor, axis: number, start: number, length: number): Tensor {
  const at = normalizeAxis("narrow", axis, x.shape);
  requireIntegers("narrow's start and length", [start, length], 0);
  if (start + length > x.shape[at]) {
    throw new ShapeError(
      `narrow: ${length} elements from ${start} along axis ${axis} of ${showShape(x.shape)}; they must lie within it`,
    );
  }
  return slice(
    x,
    x.shape.map((_, k) => (k === at ? { start, end: start + length } : undefined)),
  );
}

/**
 * Cuts a tensor along an axis.
 *
 * @param lengths of the parts, which must add up to the extent; or one length for all, the last part then being what
 * is left
 */
export function split(x: Tensor, lengths: number | readonly number[], axis: number): Tensor[] {
  const at = normalizeAxis("split", axis, x.shape);
  const extent = x.shape[at];
  const parts = typeof lengths === "number" ? equalParts(lengths, extent) : lengths;
  requireList("split", parts, "lengths");
  if (parts.reduce((a, b) => a + b, 0) !== extent) {
    throw new ShapeError(
      `split: lengths ${showShape(parts)} along axis ${axis} of ${showShape(x.shape)} do not add up to its extent`,
    );
  }
  let start = 0;
  return parts.map((length) => {
    start += length;
    return narrow(x, at, start - length, length);
  });
}

function equalParts(length: number, extent: number): number[] {
  requireIntegers("split", [length], 1);
  const count = Math.max(1, Math.ceil(extent / length));
  return Array.from({ length: count }, (_, k) => Math.min(length, extent - k * length));
}

/** Reverses the order along axes. */
export function flip(x: Tensor, axes: readonly number[]): Tensor {
  requireList("flip", axes, "axes");
  const reversed = axes.map((axis) => normalizeAxis("flip", axis, x.shape));
  return slice(
    x,
    x.shape.map((_, axis) => (reversed.includes(axis) ? { step: -1 } : undefined)),
  );
}
