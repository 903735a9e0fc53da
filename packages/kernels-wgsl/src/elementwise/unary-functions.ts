/**
 * WGSL of functions of one element, in terms of `x` and the constants `a` and `b`; `T` is scalar or vec4. Each is an export
 * of its own, with the functions that it calls, so that a program carries the text of those that it uses.
 *
 * Exponentials are only taken of non-positive numbers, so nothing overflows: sigmoid, tanh and softplus are
 * exact to rounding at any input.
 */
import * as text from "./unary-helpers.js";

/** A function of one element. */
export interface UnaryFunction {
  readonly name: string;
  /** The expression. */
  readonly value: string;
  /** WGSL functions that it calls, in the order of `unary-helpers.ts`. */
  readonly uses?: readonly string[];
  /** A function that it calls whose text depends on `a`. */
  readonly usesOf?: (a: number) => string;
}

export const relu: UnaryFunction = { name: "relu", value: "select(x, T(0), x < T(0))" };
export const leakyRelu: UnaryFunction = { name: "leakyRelu", value: "select(x * a, x, x >= T(0))" };
export const sigmoid: UnaryFunction = {
  name: "sigmoid",
  value: "sigmoid_(x)",
  uses: [text.sigmoid],
};
export const tanh: UnaryFunction = { name: "tanh", value: "tanh_(x)", uses: [text.tanh] };
export const exp: UnaryFunction = { name: "exp", value: "exp(x)" };
export const log: UnaryFunction = { name: "log", value: "log(x)" };
export const sqrt: UnaryFunction = { name: "sqrt", value: "sqrt(x)" };
export const rsqrt: UnaryFunction = { name: "rsqrt", value: "inverseSqrt(x)" };
export const abs: UnaryFunction = { name: "abs", value: "abs(x)" };
export const sign: UnaryFunction = { name: "sign", value: "sign(x)" };
export const neg: UnaryFunction = { name: "neg", value: "-x" };
export const square: UnaryFunction = { name: "square", value: "x * x" };
export const reciprocal: UnaryFunction = { name: "reciprocal", value: "T(1) / x" };
export const clamp: UnaryFunction = { name: "clamp", value: "clamp_(x, a, b)", uses: [text.clamp] };
export const elu: UnaryFunction = {
  name: "elu",
  value: "select(a * expm1_(negative_(x)), x, x > T(0))",
  uses: [text.negative, text.expm1],
};
export const selu: UnaryFunction = {
  name: "selu",
  value:
    "T(1.0507009873554805) * select(T(1.6732632423543772) * expm1_(negative_(x)), x, x > T(0))",
  uses: [text.negative, text.expm1],
};
export const softplus: UnaryFunction = {
  name: "softplus",
  value: "max(x, T(0)) + log1p_(exp(-abs(x)))",
  uses: [text.log1p],
};
// A GPU may divide by multiplying with the reciprocal, which above 2^126 is 0.
export const softsign: UnaryFunction = {
  name: "softsign",
  value: "select(x / (T(1) + abs(x)), sign(x), abs(x) > T(1e30))",
};
export const expm1: UnaryFunction = { name: "expm1", value: "expm1_(x)", uses: [text.expm1] };
export const log1p: UnaryFunction = {
  name: "log1p",
  value: "logOnePlus_(x)",
  uses: [text.logOnePlus],
};
export const erf: UnaryFunction = { name: "erf", value: "erf_(x)", uses: [text.erf] };
// x · Φ(x), and with the density φ for the gradient.
export const gelu: UnaryFunction = {
  name: "gelu",
  value: "T(0.5) * x * (T(1) + erf_(x * T(0.7071067811865476)))",
  uses: [text.erf],
};
// In terms of the sigmoid, which is (1 + tanh) / 2 of half the argument.
export const geluTanh: UnaryFunction = {
  name: "geluTanh",
  value: "x * sigmoid_(geluInner_(x))",
  uses: [text.sigmoid, text.geluInner],
};
export const sin: UnaryFunction = { name: "sin", value: "sin(x)" };
export const cos: UnaryFunction = { name: "cos", value: "cos(x)" };
export const floor: UnaryFunction = { name: "floor", value: "floor(x)" };
export const ceil: UnaryFunction = { name: "ceil", value: "ceil(x)" };
export const round: UnaryFunction = { name: "round", value: "round(x)" };
export const addScalar: UnaryFunction = { name: "addScalar", value: "x + a" };
export const mulScalar: UnaryFunction = { name: "mulScalar", value: "x * a" };
export const powScalar: UnaryFunction = {
  name: "powScalar",
  value: "pow_(x)",
  usesOf: (a) => text.powerFunction("pow_", a),
};
export const divScalar: UnaryFunction = { name: "divScalar", value: "x / a" };
export const scalarSub: UnaryFunction = { name: "scalarSub", value: "a - x" };
export const scalarDiv: UnaryFunction = { name: "scalarDiv", value: "a / x" };
export const scalarPow: UnaryFunction = { name: "scalarPow", value: "pow(a, x)" };
export const equalScalar: UnaryFunction = {
  name: "equalScalar",
  value: "select(T(0), T(1), x == a)",
};
export const lessScalar: UnaryFunction = { name: "lessScalar", value: "select(T(0), T(1), x < a)" };
export const lessEqualScalar: UnaryFunction = {
  name: "lessEqualScalar",
  value: "select(T(0), T(1), x <= a)",
};
export const greaterScalar: UnaryFunction = {
  name: "greaterScalar",
  value: "select(T(0), T(1), x > a)",
};
export const greaterEqualScalar: UnaryFunction = {
  name: "greaterEqualScalar",
  value: "select(T(0), T(1), x >= a)",
};
