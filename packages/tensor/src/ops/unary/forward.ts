import { unaryOps as names, type UnaryOp, unary } from "@retinaface-webgpu/kernels-wgsl";
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

/** What integers take, besides floats; negative numbers need a sign. */
const INTEGER_OPS: Partial<Record<UnaryOp, "any" | "signed">> = {
  relu: "any",
  abs: "any",
  neg: "signed",
  sign: "signed",
  square: "any",
  clamp: "any",
  addScalar: "any",
  mulScalar: "any",
  divScalar: "any",
  scalarSub: "any",
  scalarDiv: "any",
  equalScalar: "any",
  lessScalar: "any",
  lessEqualScalar: "any",
  greaterScalar: "any",
  greaterEqualScalar: "any",
};

function requireType(op: UnaryOp, x: TensorInfo): void {
  const integers = INTEGER_OPS[op];
  if (!integers) requireDtype(op, x, "f32", "f16");
  else if (integers === "signed") requireDtype(op, x, "f32", "f16", "i32");
}

function fusionOf(op: UnaryOp): FusionTraits<UnaryAttrs> | undefined {
  if (op !== "relu" && op !== "leakyRelu") return undefined;
  return { computes: ({ a = 0 }) => ({ kind: "activation", slope: a }) };
}

function declare(op: UnaryOp): Op<UnaryAttrs> {
  return defineOp<UnaryAttrs>({
    name: op,
    fusion: fusionOf(op),
    outputs: ([x]) => {
      requireType(op, x);
      return [x];
    },
    forward: (run, [x], [y], attrs) =>
      run.kernel(unary({ op, count: x.size, type: x.dtype, ...attrs }), [x, y]),
  });
}

/** The operations by the names that the kernels give them. */
export const unaryOps = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ names.map((name) => [name, declare(name)]),
) as Record<UnaryOp, Op<UnaryAttrs>>;

/** max(x, 0); NaN stays NaN. */
export const relu = (x: Tensor): Tensor => unaryOps.relu([x], {})[0];

/** x where positive, else slope · x. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor =>
  unaryOps.leakyRelu([x], { a: slope })[0];

/** 1 / (1 + exp(−x)). */
export const sigmoid = (x: Tensor): Tensor => unaryOps.sigmoid([x], {})[0];
export const tanh = (x: Tensor): Tensor => unaryOps.tanh([x], {})[0];
export const exp = (x: Tensor): Tensor => unaryOps.exp([x], {})[0];
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => unaryOps.log([x], {})[0];
export const sqrt = (x: Tensor): Tensor => unaryOps.sqrt([x], {})[0];
/** 1 / √x. */
export const rsqrt = (x: Tensor): Tensor => unaryOps.rsqrt([x], {})[0];
/** |x|; its gradient is 0 at 0. */
export const abs = (x: Tensor): Tensor => unaryOps.abs([x], {})[0];
/** −1, 0 or 1; its gradient is 0. */
export const sign = (x: Tensor): Tensor => unaryOps.sign([x], {})[0];
export const neg = (x: Tensor): Tensor => unaryOps.neg([x], {})[0];
export const square = (x: Tensor): Tensor => unaryOps.square([x], {})[0];
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => unaryOps.reciprocal([x], {})[0];
export const sin = (x: Tensor): Tensor => unaryOps.sin([x], {})[0];
export const cos = (x: Tensor): Tensor => unaryOps.cos([x], {})[0];
export const floor = (x: Tensor): Tensor => unaryOps.floor([x], {})[0];
export const ceil = (x: Tensor): Tensor => unaryOps.ceil([x], {})[0];
/** To the nearest integer, halves to the even one. */
export const round = (x: Tensor): Tensor => unaryOps.round([x], {})[0];

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
  return unaryOps.clamp([x], { a: low, b: high })[0];
}

/** x where positive, else alpha · (exp(x) − 1). */
export const elu = (x: Tensor, alpha = 1): Tensor => unaryOps.elu([x], { a: alpha })[0];

/** exp(x) − 1, accurate near 0. */
export const expm1 = (x: Tensor): Tensor => unaryOps.expm1([x], {})[0];
/** log(1 + x), accurate near 0. */
export const log1p = (x: Tensor): Tensor => unaryOps.log1p([x], {})[0];
/** The error function 2/√π ∫₀ˣ exp(−t²) dt, to 2e-7. */
export const erf = (x: Tensor): Tensor => unaryOps.erf([x], {})[0];

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
  return (approximate === "tanh" ? unaryOps.geluTanh : unaryOps.gelu)([x], {})[0];
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
  if (alpha === undefined && gamma === undefined) return unaryOps.selu([x], {})[0];
  const inner = elu(x, alpha ?? SELU.alpha);
  const y = mulScalar(inner, gamma ?? SELU.gamma);
  inner.dispose();
  return y;
}
/** log(1 + exp(x)), without overflow. */
export const softplus = (x: Tensor): Tensor => unaryOps.softplus([x], {})[0];
/** x / (1 + |x|). */
export const softsign = (x: Tensor): Tensor => unaryOps.softsign([x], {})[0];

/** x + value. @throws TensorError `DTYPE` for a number that an integer tensor's type does not hold */
export function addScalar(x: Tensor, value: number): Tensor {
  requireNumberOf("add", value, x.dtype);
  return unaryOps.addScalar([x], { a: value })[0];
}

/** x · value. @throws as `addScalar` */
export function mulScalar(x: Tensor, value: number): Tensor {
  requireNumberOf("mul", value, x.dtype);
  return unaryOps.mulScalar([x], { a: value })[0];
}

/** x to a constant power; negative x take integer exponents only. */
export const powScalar = (x: Tensor, exponent: number): Tensor =>
  unaryOps.powScalar([x], { a: exponent })[0];
