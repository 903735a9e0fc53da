/**
 * Gradients of the elementwise functions of one tensor: `g` times the slope, in terms of the element `x` or of the result
 * `y`, whichever is at hand or cheaper.
 */
import type { Kernel } from "../kernel.js";
import { type UnaryOp, type UnarySpec, unaryKernel } from "./unary.js";
import * as helpers from "./unary-helpers.js";

interface UnaryGradient {
  readonly text: string;
  readonly from: "x" | "y";
}

const zero = "T(0)";
const one = "T(1)";
const SELU_ALPHA = "1.6732632423543772";
const SELU_SCALE = "1.0507009873554805";

const of = (text: string): UnaryGradient => ({ text, from: "x" });
const ofResult = (text: string): UnaryGradient => ({ text, from: "y" });

const gradients: Record<UnaryOp, UnaryGradient> = {
  relu: ofResult(`select(${zero}, g, y > ${zero})`),
  leakyRelu: of(`select(g * a, g, x > ${zero})`),
  sigmoid: ofResult(`g * y * (${one} - y)`),
  tanh: ofResult(`g * (${one} - y) * (${one} + y)`),
  exp: ofResult("g * y"),
  log: of("g / x"),
  sqrt: ofResult(`g * T(0.5) / y`),
  rsqrt: ofResult(`g * T(-0.5) * y * y * y`),
  abs: of("g * sign(x)"),
  sign: of(zero),
  neg: of("-g"),
  square: of("g * x * T(2.0)"),
  reciprocal: ofResult("-g * y * y"),
  clamp: of(`select(${zero}, g, (x >= a) & (x <= b))`),
  elu: of(`select(g * a * exp(negative_(x)), g, x > ${zero})`),
  selu: of(
    `g * T(${SELU_SCALE}) * select(T(${SELU_ALPHA}) * exp(negative_(x)), ${one}, x > ${zero})`,
  ),
  softplus: of("g * sigmoid_(x)"),
  softsign: of(`g / ((${one} + abs(x)) * (${one} + abs(x)))`),
  expm1: ofResult(`g * (y + ${one})`),
  log1p: of(`g / (${one} + x)`),
  erf: of("g * T(1.1283791670955126) * exp(-x * x)"),
  gelu: of(
    `g * (T(0.5) * (${one} + erf_(x * T(0.7071067811865476))) + x * T(0.3989422804014327) * exp(-x * x * T(0.5)))`,
  ),
  geluTanh: of(
    `g * (sigmoid_(geluInner_(x)) + x * sigmoid_(geluInner_(x)) * sigmoid_(-geluInner_(x)) * T(1.5957691216057308) * (${one} + T(0.134145) * x * x))`,
  ),
  sin: of("g * cos(x)"),
  cos: of("-g * sin(x)"),
  floor: of(zero),
  ceil: of(zero),
  round: of(zero),
  addScalar: of("g"),
  mulScalar: of("g * a"),
  powScalar: of("g * a * powLess1_(x)"),
  divScalar: of("g / a"),
  scalarSub: of("-g"),
  scalarDiv: of("-g * a / (x * x)"),
  scalarPow: ofResult("g * y * log(a)"),
  equalScalar: of(zero),
  lessScalar: of(zero),
  lessEqualScalar: of(zero),
  greaterScalar: of(zero),
  greaterEqualScalar: of(zero),
};

/** Whether the gradient needs the function's input `x` or its output `y`. */
export function unaryGradientFrom(op: UnaryOp): "x" | "y" {
  return gradients[op].from;
}

/** The power in the gradient; that of x⁰ is multiplied by 0, which it must not turn into NaN. */
function lowerPower(exponent: number): string {
  if (exponent === 0) return "fn powLess1_(x: T) -> T { return T(0); }";
  return helpers.powerFunction("powLess1_", exponent - 1);
}

/** The functions that a text calls. */
function called(text: string): string[] {
  const { clamp, negative, sigmoid, tanh, expm1, erf, geluInner } = helpers;
  const known = { clamp, negative, sigmoid, tanh, expm1, erf, geluInner };
  return Object.entries(known).flatMap(([name, own]) => (text.includes(`${name}_`) ? [own] : []));
}

/** Gradient to x. Bindings: gradient of y; x or y as `unaryGradientFrom` says; gradient of x. */
export function unaryBackward(spec: UnarySpec): Kernel {
  const { op, a = 0 } = spec;
  const { text, from } = gradients[op];
  const power = op === "powScalar" ? [lowerPower(a)] : [];
  const uses = [...called(text), ...power];
  return unaryKernel(spec, ["g", from], `unary-${op}-backward`, text, uses);
}
