import { fill, select } from "@retinaface-webgpu/kernels-wgsl";
import type { DType } from "../../core/dtype.js";
import { broadcastShapes } from "../../core/shape.js";
import { Tensor } from "../../core/tensor.js";
import { requireDtype, sameDtype } from "../dtype-check.js";
import { requireNumberOf } from "../numbers.js";
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

/** A number as a scalar tensor of the other's type. It is an operation, so that a trace has it too. */
export const numberOp = /* @__PURE__ */ defineOp<{ value: number; dtype: DType }>({
  name: "number",
  outputs: (_, { dtype }) => [{ shape: [], dtype }],
  forward: (run, _, [y], { value, dtype }) => run.kernel(fill(1, value, dtype), [y]),
});

/**
 * Elements of a where the condition is not 0, else of b; all three broadcast. What is not chosen has no
 * influence, not even as NaN, and gets a gradient of 0. Numbers have the other's element type, two numbers f32.
 *
 * @throws TensorError `DTYPE` for a number that the other's type does not hold
 */
export function where(condition: Tensor, a: Tensor | number, b: Tensor | number): Tensor {
  const dtype = a instanceof Tensor ? a.dtype : b instanceof Tensor ? b.dtype : "f32";
  const [x, y] = [a, b].map((value) => {
    if (typeof value !== "number") return value;
    requireNumberOf("where", value, dtype);
    return numberOp([condition], { value, dtype })[0];
  });
  const [result] = whereOp([condition, x, y], null);
  if (x !== a) x.dispose();
  if (y !== b) y.dispose();
  return result;
}
