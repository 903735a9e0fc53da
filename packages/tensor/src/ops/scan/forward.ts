import { cumulativeSum } from "@retinaface-webgpu/kernels-wgsl";
import { normalizeAxis, sizeOf } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { defineOp } from "../op.js";

export interface CumulativeAttrs {
  readonly axis: number;
  readonly reverse: boolean;
}

export const cumulativeSumOp = /* @__PURE__ */ defineOp<CumulativeAttrs>({
  name: "cumsum",
  outputs: ([x]) => {
    requireDtype("cumsum", x, "f32", "i32", "u32");
    return [x];
  },
  forward: (run, [x], [y], { axis, reverse }) => {
    const spec = {
      outer: sizeOf(x.shape.slice(0, axis)),
      extent: x.shape[axis],
      inner: sizeOf(x.shape.slice(axis + 1)),
      reverse,
      type: x.dtype as "f32" | "i32" | "u32",
    };
    run.kernel(cumulativeSum(spec), [x, y]);
  },
});

/** Sums of all elements up to each along an axis, itself included. */
export function cumsum(x: Tensor, axis: number): Tensor {
  return cumulativeSumOp([x], { axis: normalizeAxis("cumsum", axis, x.shape), reverse: false })[0];
}
