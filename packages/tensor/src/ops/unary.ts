import {
  type UnaryOp,
  unary,
  unaryBackward,
  unaryGradientFrom,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Tensor } from "../core/tensor.js";
import { requireDtype } from "./dtype-check.js";
import { defineOp } from "./op.js";

/** Constants of an elementwise function; see `UnaryOp` for what they are. */
export interface UnaryAttrs {
  readonly a?: number;
  readonly b?: number;
}

const INTEGER_OPS: readonly UnaryOp[] = [
  "relu",
  "abs",
  "neg",
  "sign",
  "square",
  "clamp",
  "addScalar",
  "mulScalar",
];

function declare(op: UnaryOp): (x: Tensor, a?: number, b?: number) => Tensor {
  const from = unaryGradientFrom(op);
  const gradient = defineOp<UnaryAttrs>({
    name: `${op}Backward`,
    outputs: ([g]) => [g],
    forward: (run, [g, xOrY], [gx], attrs) =>
      run.kernel(unaryBackward({ op, count: g.size, type: g.dtype, ...attrs }), [g, xOrY, gx]),
  });
  const apply = defineOp<UnaryAttrs>({
    name: op,
    outputs: ([x]) => {
      if (!INTEGER_OPS.includes(op)) requireDtype(op, x, "f32", "f16");
      return [x];
    },
    forward: (run, [x], [y], attrs) =>
      run.kernel(unary({ op, count: x.size, type: x.dtype, ...attrs }), [x, y]),
    backward: ([g], [x], [y], attrs) => [g && gradient([g, from === "x" ? x : y], attrs)[0]],
  });
  return (x, a, b) => apply([x], { a, b })[0];
}

/** max(x, 0); NaN stays NaN. */
export const relu = /* @__PURE__ */ declare("relu") as (x: Tensor) => Tensor;

const leakyReluOp = /* @__PURE__ */ declare("leakyRelu");
/** x where positive, else slope · x. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => leakyReluOp(x, slope);

/** 1 / (1 + exp(−x)). */
export const sigmoid = /* @__PURE__ */ declare("sigmoid") as (x: Tensor) => Tensor;
export const tanh = /* @__PURE__ */ declare("tanh") as (x: Tensor) => Tensor;
export const exp = /* @__PURE__ */ declare("exp") as (x: Tensor) => Tensor;
/** Natural logarithm. */
export const log = /* @__PURE__ */ declare("log") as (x: Tensor) => Tensor;
export const sqrt = /* @__PURE__ */ declare("sqrt") as (x: Tensor) => Tensor;
/** 1 / √x. */
export const rsqrt = /* @__PURE__ */ declare("rsqrt") as (x: Tensor) => Tensor;
/** |x|; its gradient is 0 at 0. */
export const abs = /* @__PURE__ */ declare("abs") as (x: Tensor) => Tensor;
/** −1, 0 or 1; its gradient is 0. */
export const sign = /* @__PURE__ */ declare("sign") as (x: Tensor) => Tensor;
export const neg = /* @__PURE__ */ declare("neg") as (x: Tensor) => Tensor;
export const square = /* @__PURE__ */ declare("square") as (x: Tensor) => Tensor;
/** 1 / x. */
export const reciprocal = /* @__PURE__ */ declare("reciprocal") as (x: Tensor) => Tensor;
export const sin = /* @__PURE__ */ declare("sin") as (x: Tensor) => Tensor;
export const cos = /* @__PURE__ */ declare("cos") as (x: Tensor) => Tensor;
export const floor = /* @__PURE__ */ declare("floor") as (x: Tensor) => Tensor;
export const ceil = /* @__PURE__ */ declare("ceil") as (x: Tensor) => Tensor;
/** To the nearest integer, halves to the even one. */
export const round = /* @__PURE__ */ declare("round") as (x: Tensor) => Tensor;

const clampOp = /* @__PURE__ */ declare("clamp");
/** Limits x to low … high; either may be infinite. The gradient passes at the bounds themselves. */
export const clamp = (x: Tensor, low: number, high: number): Tensor => clampOp(x, low, high);

const eluOp = /* @__PURE__ */ declare("elu");
/** x where positive, else alpha · (exp(x) − 1). */
export const elu = (x: Tensor, alpha = 1): Tensor => eluOp(x, alpha);

/** Self-normalising ELU (Klambauer et al. 2017). */
export const selu = /* @__PURE__ */ declare("selu") as (x: Tensor) => Tensor;
/** log(1 + exp(x)), without overflow. */
export const softplus = /* @__PURE__ */ declare("softplus") as (x: Tensor) => Tensor;
/** x / (1 + |x|). */
export const softsign = /* @__PURE__ */ declare("softsign") as (x: Tensor) => Tensor;

export const addScalar = /* @__PURE__ */ declare("addScalar") as (
  x: Tensor,
  value: number,
) => Tensor;
export const mulScalar = /* @__PURE__ */ declare("mulScalar") as (
  x: Tensor,
  value: number,
) => Tensor;
/** x to a constant power; negative x take integer exponents only. */
export const powScalar = /* @__PURE__ */ declare("powScalar") as (
  x: Tensor,
  exponent: number,
) => Tensor;
