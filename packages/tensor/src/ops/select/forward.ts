import { select } from "@retinaface-webgpu/kernels-wgsl";
import { broadcastShapes } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype, sameDtype } from "../dtype-check.js";
import { defineOp } from "../op.js";

export const whereOp = /* @__PURE__ */ defineOp<null>({
  name: "where",
  outputs: ([condition, a, b]) => {
    requireDtype("where's condition", condition, "f32", "i32", "u32");
    sameDtype("where", [a, b]);
    const values = broadcastShapes("where", a.shape, b.shape);
    return [{ shape: broadcastShapes("where", condition.shape, values), dtype: a.dtype }];
  },
  forward: (run, [condition, a, b], [y]) => {
    const kernel = select({
      conditionShape: condition.shape,
      aShape: a.shape,
      bShape: b.shape,
      shape: y.shape,
      conditionType: condition.dtype as "f32" | "i32" | "u32",
      type: y.dtype,
    });
    run.kernel(kernel, [condition, a, b, y]);
  },
});

/**
 * Elements of a where the condition is not 0, else of b; all three broadcast. What is not chosen has no
 * influence, not even as NaN, and gets a gradient of 0.
 */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  return whereOp([condition, a, b], null)[0];
}
