import { cutRows, MOST_JOINED } from "@retinaface-webgpu/kernels-wgsl";
import { sameShape } from "../../core/shape.js";
import type { TensorInfo } from "../../core/tensor.js";
import { defineOp } from "../op.js";
import { rowsOf, type SliceAttrs } from "./forward.js";

/** Parts of a tensor along an axis, in one dispatch. */
export interface CutAttrs {
  readonly axis: number;
  readonly lengths: readonly number[];
}

/** A tensor cut up along an axis. */
export const cutOp = /* @__PURE__ */ defineOp<CutAttrs>({
  name: "cut",
  outputs: ([x], { axis, lengths }) =>
    lengths.map((length) => ({
      shape: x.shape.map((extent, k) => (k === axis ? length : extent)),
      dtype: x.dtype,
    })),
  forward: (run, [x], parts, { axis }) =>
    run.kernel(cutRows(rowsOf(x, parts, axis)), [x, ...parts]),
});

/** The cut that slices of one tensor, in this order, are together; undefined where they leave something out or overlap. */
export function cutOfSlices(
  { shape }: TensorInfo,
  slices: readonly SliceAttrs[],
): CutAttrs | undefined {
  if (slices.length < 2 || slices.length > MOST_JOINED) return undefined;
  const axis = shape.findIndex((extent, k) => slices[0].shape[k] !== extent);
  if (axis < 0) return undefined;
  let start = 0;
  for (const { starts, steps, shape: part } of slices) {
    const whole = part.map((extent, k) => (k === axis ? shape[axis] : extent));
    const fits =
      sameShape(whole, shape) && starts.every((at, k) => at === (k === axis ? start : 0));
    if (!fits || part[axis] === 0 || steps.some((step) => step !== 1)) return undefined;
    start += part[axis];
  }
  return start === shape[axis]
    ? { axis, lengths: slices.map((slice) => slice.shape[axis]) }
    : undefined;
}
