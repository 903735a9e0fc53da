import { unaryOf } from "@retinaface-webgpu/kernels-wgsl";
import type { UnaryFunction } from "@retinaface-webgpu/kernels-wgsl/unary";
import * as fns from "@retinaface-webgpu/kernels-wgsl/unary";
import { requireOptions } from "../../core/arguments.js";
import { TensorError } from "../../core/errors.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import type { FusionTraits } from "../fusion.js";
import { requireBoundOf, requireNumberOf } from "../numbers.js";
import { defineOp, type Op } from "../op.js";

const SELU = { alpha: 1.6732632423543772, gamma: 1.0507009873554805 };

/** Constants of an elementwise function; see `UnaryOp` for what they are. */
export interface UnaryAttrs {
  readonly a?: number;
  readonly b?: number;
}

/** Element types: floats, integers with a sign too, or all. */
type Types = "floats" | "signed" | "all";

function requireType(op: string, x: TensorInfo, types: Types): void {
  if (types === "floats") requireDtype(op, x, "f32", "f16");
  else if (types === "signed") requireDtype(op, x, "f32", "f16", "i32");
}

function declare(
  fn: UnaryFunction,
  types: Types = "floats",
  fusion?: FusionTraits<UnaryAttrs>,
): Op<UnaryAttrs> {
  return defineOp<UnaryAttrs>({
    name: fn.name,
    fusion,
    outputs: ([x]) => {
      requireType(fn.name, x, types);
      return [x];
    },
    forward: (run, [x], [y], attrs) =>
      run.kernel(unaryOf(fn, { count: x.size, type: x.dtype, ...attrs }), [x, y]),
  });
}

const activation: FusionTraits<UnaryAttrs> = {
  computes: ({ a = 0 }) => ({ kind: "activation", slope: a }),
};

export const reluOp = /* @__PURE__ */ declare(fns.relu, "all", activation);
export const leakyReluOp = /* @__PURE__ */ declare(fns.leakyRelu, "floats", activation);
export const sigmoidOp = /* @__PURE__ */ declare(fns.sigmoid);
export const tanhOp = /* @__PURE__ */ declare(fns.tanh);
export const expOp = /* @__PURE__ */ declare(fns.exp);
export const logOp = /* @__PURE__ */ declare(fns.log);
export const sqrtOp = /* @__PURE__ */ declare(fns.sqrt);
export const rsqrtOp = /* @__PURE__ */ declare(fns.rsqrt);
export const absOp = /* @__PURE__ */ declare(fns.abs, "all");
export const signOp = /* @__PURE__ */ declare(fns.sign, "signed");
export const negOp = /* @__PURE__ */ declare(fns.neg, "signed");
export const squareOp = /* @__PURE__ */ declare(fns.square, "all");
export const reciprocalOp = /* @__PURE__ */ declare(fns.reciprocal);
export const clampOp = /* @__PURE__ */ declare(fns.clamp, "all");
export const eluOp = /* @__PURE__ */ declare(fns.elu);
export const seluOp = /* @__PURE__ */ declare(fns.selu);
export const softplusOp = /* @__PURE__ */ declare(fns.softplus);
export const softsignOp = /* @__PURE__ */ declare(fns.softsign);
export const expm1Op = /* @__PURE__ */ declare(fns.expm1);
export const log1pOp = /* @__PURE__ */ declare(fns.log1p);
export const erfOp = /* @__PURE__ */ declare(fns.erf);
export const geluOp = /* @__PURE__ */ declare(fns.gelu);
export const geluTanhOp = /* @__PURE__ */ declare(fns.geluTanh);
export const sinOp = /* @__PURE__ */ declare(fns.sin);
export const cosOp = /* @__PURE__ */ declare(fns.cos);
export const floorOp = /* @__PURE__ */ declare(fns.floor);
export const ceilOp = /* @__PURE__ */ declare(fns.ceil);
export const roundOp = /* @__PURE__ */ declare(fns.round);
export const addScalarOp = /* @__PURE__ */ declare(fns.addScalar, "all");
export const mulScalarOp = /* @__PURE__ */ declare(fns.mulScalar, "all");
export const powScalarOp = /* @__PURE__ */ declare(fns.powScalar);
export const divScalarOp = /* @__PURE__ */ declare(fns.divScalar, "all");
export const scalarSubOp = /* @__PURE__ */ declare(fns.scalarSub, "all");
export const scalarDivOp = /* @__PURE__ */ declare(fns.scalarDiv, "all");
export const scalarPowOp = /* @__PURE__ */ declare(fns.scalarPow);
export const equalScalarOp = /* @__PURE__ */ declare(fns.equalScalar, "all");
export const lessScalarOp = /* @__PURE__ */ declare(fns.lessScalar, "all");
export const lessEqualScalarOp = /* @__PURE__ */ declare(fns.lessEqualScalar, "all");
export const greaterScalarOp = /* @__PURE__ */ declare(fns.greaterScalar, "all");
export const greaterEqualScalarOp = /* @__PURE__ */ declare(fns.greaterEqualScalar, "all");

/** max(x, 0); NaN stays NaN. */
export const relu = (x: Tensor): Tensor => reluOp([x], {})[0];

/** x where positive, else slope · x. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => leakyReluOp([x], { a: slope })[0];

/** 1 / (1 + exp(−x)). */
export const sigmoid = (x: Tensor): Tensor => sigmoidOp([x], {})[0];
export const tanh = (x: Tensor): Tensor => tanhOp([x], {})[0];
export const exp = (x: Tensor): Tensor => expOp([x], {})[0];
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => logOp([x], {})[0];
export const sqrt = (x: Tensor): Tensor => sqrtOp([x], {})[0];
/** 1 / √x. */
export const rsqrt = (x: Tensor): Tensor => rsqrtOp([x], {})[0];
/** |x|; its gradient is 0 at 0. */
export const abs = (x: Tensor): Tensor => absOp([x], {})[0];
/** −1, 0 or 1; its gradient is 0. */
export const sign = (x: Tensor): Tensor => signOp([x], {})[0];
export const neg = (x: Tensor): Tensor => negOp([x], {})[0];
export const square = (x: Tensor): Tensor => squareOp([x], {})[0];
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => reciprocalOp([x], {})[0];
export const sin = (x: Tensor): Tensor => sinOp([x], {})[0];
export const cos = (x: Tensor): Tensor => cosOp([x], {})[0];
export const floor = (x: Tensor): Tensor => floorOp([x], {})[0];
export const ceil = (x: Tensor): Tensor => ceilOp([x], {})[0];
/** To the nearest integer, halves to the even one. */
export const round = (x: Tensor): Tensor => roundOp([x], {})[0];

/**
 * Limits x to low … high; either may be infinite. NaN stays NaN, and the gradient passes at the bounds themselves.
 *
 * @throws TensorError `ARGUMENT` unless low ≤ high, `DTYPE` for bounds that an integer tensor's type does not hold
 */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  for (const bound of [low, high]) requireBoundOf("clamp", bound, x.dtype);
  if (!(low <= high)) {
    throw new TensorError(
      "ARGUMENT",
      `clamp(x, ${low}, ${high}) takes numbers, the lower first; use infinities to leave an end open.`,
    );
  }
  return clampOp([x], { a: low, b: high })[0];
}

/** x where positive, else alpha · (exp(x) − 1). */
export const elu = (x: Tensor, alpha = 1): Tensor => eluOp([x], { a: alpha })[0];

/** exp(x) − 1, accurate near 0. */
export const expm1 = (x: Tensor): Tensor => expm1Op([x], {})[0];
/** log(1 + x), accurate near 0. */
export const log1p = (x: Tensor): Tensor => log1pOp([x], {})[0];
/** The error function 2/√π ∫₀ˣ exp(−t²) dt, to 2e-7. */
export const erf = (x: Tensor): Tensor => erfOp([x], {})[0];

/** Options of `gelu`. */
export interface GeluOptions {
  /** `"tanh"` for the approximation x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))); `"none"` by default. */
  readonly approximate?: "none" | "tanh" | undefined;
}

/** x · Φ(x), Φ being the normal distribution (Hendrycks and Gimpel 2016). */
export function gelu(x: Tensor, options: GeluOptions = {}): Tensor {
  requireOptions("gelu", options, ["approximate"]);
  const { approximate = "none" } = options;
  if (approximate !== "none" && approximate !== "tanh") {
    throw new TensorError(
      "ARGUMENT",
      `gelu's approximate is "none" or "tanh", not ${approximate}.`,
    );
  }
  return (approximate === "tanh" ? geluTanhOp : geluOp)([x], {})[0];
}

/** Constants of `selu`. */
export interface SeluOptions {
  /** Of the exponential part; 1.6732632423543772 by default. */
  readonly alpha?: number | undefined;
  /** Of all of it; 1.0507009873554805 by default. */
  readonly gamma?: number | undefined;
}

/** Self-normalising ELU (Klambauer et al. 2017): gamma · elu(x, alpha), with the paper's constants unless given. */
export function selu(x: Tensor, options: SeluOptions = {}): Tensor {
  requireOptions("selu", options, ["alpha", "gamma"]);
  const { alpha, gamma } = options;
  if (alpha === undefined && gamma === undefined) return seluOp([x], {})[0];
  const inner = elu(x, alpha ?? SELU.alpha);
  const y = mulScalar(inner, gamma ?? SELU.gamma);
  inner.dispose();
  return y;
}
/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Tensor): Tensor => softplusOp([x], {})[0];
/** x / (1 + |x|). */
export const softsign = (x: Tensor): Tensor => softsignOp([x], {})[0];

/** x + value. @throws TensorError `DTYPE` for a number that an integer tensor's type does not hold */
export function addScalar(x: Tensor, value: number): Tensor {
  requireNumberOf("add", value, x.dtype);
  return addScalarOp([x], { a: value })[0];
}

/** x · value. @throws as `addScalar` */
export function mulScalar(x: Tensor, value: number): Tensor {
  requireNumberOf("mul", value, x.dtype);
  return mulScalarOp([x], { a: value })[0];
}

/** x to a constant power; negative x take integer exponents only. */
export const powScalar = (x: Tensor, exponent: number): Tensor =>
  powScalarOp([x], { a: exponent })[0];
