import {
  type UnaryOp,
  unary,
  unaryBackward,
  unaryGradientFrom,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Tensor } from "../tensor.js";
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
export const relu = declare("relu") as (x: Tensor) => Tensor;

const leakyReluOp = declare("leakyRelu");
/** x where positive, else slope · x. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => leakyReluOp(x, slope);

/** 1 / (1 + exp(−x)). */
export const sigmoid = declare("sigmoid") as (x: Tensor) => Tensor;
export const tanh = declare("tanh") as (x: Tensor) => Tensor;
export const exp = declare("exp") as (x: Tensor) => Tensor;
/** Natural logarithm. */
export const log = declare("log") as (x: Tensor) => Tensor;
export const sqrt = declare("sqrt") as (x: Tensor) => Tensor;
/** 1 / √x. */
export const rsqrt = declare("rsqrt") as (x: Tensor) => Tensor;
/** |x|; its gradient is 0 at 0. */
export const abs = declare("abs") as (x: Tensor) => Tensor;
/** −1, 0 or 1; its gradient is 0. */
export const sign = declare("sign") as (x: Tensor) => Tensor;
export const neg = declare("neg") as (x: Tensor) => Tensor;
export const square = declare("square") as (x: Tensor) => Tensor;
/** 1 / x. */
export const reciprocal = declare("reciprocal") as (x: Tensor) => Tensor;
export const sin = declare("sin") as (x: Tensor) => Tensor;
export const cos = declare("cos") as (x: Tensor) => Tensor;
export const floor = declare("floor") as (x: Tensor) => Tensor;
export const ceil = declare("ceil") as (x: Tensor) => Tensor;
/** To the nearest integer, halves to the even one. */
export const round = declare("round") as (x: Tensor) => Tensor;

const clampOp = declare("clamp");
/** Limits x to low … high; either may be infinite. The gradient passes at the bounds themselves. */
export const clamp = (x: Tensor, low: number, high: number): Tensor => clampOp(x, low, high);

const eluOp = declare("elu");
/** x where positive, else alpha · (exp(x) − 1). */
export const elu = (x: Tensor, alpha = 1): Tensor => eluOp(x, alpha);

/** Self-normalising ELU (Klambauer et al. 2017). */
export const selu = declare("selu") as (x: Tensor) => Tensor;
/** log(1 + exp(x)), without overflow. */
export const softplus = declare("softplus") as (x: Tensor) => Tensor;
/** x / (1 + |x|). */
export const softsign = declare("softsign") as (x: Tensor) => Tensor;

export const addScalar = declare("addScalar") as (x: Tensor, value: number) => Tensor;
export const mulScalar = declare("mulScalar") as (x: Tensor, value: number) => Tensor;
/** x to a constant power; negative x take integer exponents only. */
export const powScalar = declare("powScalar") as (x: Tensor, exponent: number) => Tensor;
