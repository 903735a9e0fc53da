/**
 * WGSL of functions of two elements, in terms of `a` and `b`, and for the gradients of `g`; `T` is scalar or vec4. Each is an
 * export of its own, so that a program carries the text of those that it uses. Comparisons give 1 or 0 in the operands' type.
 */
import { isNanFunction } from "../nan.js";

/** A function of two elements. */
export interface BinaryFunction {
  readonly name: string;
  /** The expression. */
  readonly value: string;
  /** Gradients to the operands, where they are not just the incoming one, up to sign. */
  readonly a?: string;
  readonly b?: string;
  /** What the expressions call, of floats or integers in vectors of `width`. */
  readonly calls?: (isFloat: boolean, width: number) => string;
}

/** One whose gradients are expressions. */
export type Differentiable = Required<Pick<BinaryFunction, "a" | "b">> & BinaryFunction;

const powers = `
fn power(a: T, b: T) -> T {
  let magnitude = pow(abs(a), b);
  let half = b * 0.5;
  let odd = abs(half - trunc(half)) == T(0.5);
  let signed = select(magnitude, -magnitude, (a < T(0.0)) & odd);
  let real = select(signed, T(constant(0x7fc00000u)), (a < T(0.0)) & (b != trunc(b)));
  let ofZero = select(T(0.0), T(constant(0x7f800000u)), b < T(0.0));
  let known = select(select(real, ofZero, a == T(0.0)), b, isNan(b));
  return select(known, T(1.0), (b == T(0.0)) | (a == T(1.0)));
}
fn constant(bits: u32) -> f32 {
  var held = bits;
  return bitcast<f32>(held);
}
fn powerByBase(g: T, a: T, b: T) -> T {
  return select(g * b * power(a, b - T(1.0)), T(0.0), b == T(0.0));
}
fn powerByExponent(g: T, a: T, b: T) -> T {
  return select(T(0.0), g * power(a, b) * log(max(abs(a), T(1e-37))), abs(a) > T(0.0));
}`;

/** The larger and the smaller of two; NaN where either is, which WGSL's own max and min may drop. */
function extremes(isFloat: boolean): string {
  const nan = isFloat ? " | isNan(b)" : "";
  return `
fn larger(a: T, b: T) -> T { return select(a, b, (b > a)${nan}); }
fn smaller(a: T, b: T) -> T { return select(a, b, (b < a)${nan}); }`;
}

const extremesAndNan = (isFloat: boolean, width: number): string =>
  `\n${isFloat ? isNanFunction(width) : ""}${extremes(isFloat)}`;

/** The gradient of a maximum goes to the larger operand, in halves where they tie (PyTorch's rule). */
const share = (wins: string) => `select(select(T(0), g * T(0.5), a == b), g, ${wins})`;

export const add: BinaryFunction = { name: "add", value: "a + b" };
export const sub: BinaryFunction = { name: "sub", value: "a - b" };
export const mul: Differentiable = { name: "mul", value: "a * b", a: "g * b", b: "g * a" };
export const div: Differentiable = {
  name: "div",
  value: "a / b",
  a: "g / b",
  b: "-g * a / (b * b)",
};
export const pow: Differentiable = {
  name: "pow",
  value: "power(a, b)",
  a: "powerByBase(g, a, b)",
  b: "powerByExponent(g, a, b)",
  calls: (isFloat, width) => `\n${isFloat ? isNanFunction(width) : ""}${powers}`,
};
export const maximum: Differentiable = {
  name: "maximum",
  value: "larger(a, b)",
  a: /* @__PURE__ */ share("a > b"),
  b: /* @__PURE__ */ share("b > a"),
  calls: extremesAndNan,
};
export const minimum: Differentiable = {
  name: "minimum",
  value: "smaller(a, b)",
  a: /* @__PURE__ */ share("a < b"),
  b: /* @__PURE__ */ share("b < a"),
  calls: extremesAndNan,
};
/** a is the input, b the slope for negative inputs. */
export const prelu: Differentiable = {
  name: "prelu",
  value: "select(a * b, a, a >= T(0))",
  a: "select(g * b, g, a > T(0))",
  b: "select(g * a, T(0), a > T(0))",
};
export const equal: BinaryFunction = {
  name: "equal",
  value: "select(T(0), T(1), a == b)",
};
export const less: BinaryFunction = {
  name: "less",
  value: "select(T(0), T(1), a < b)",
};
export const lessEqual: BinaryFunction = {
  name: "lessEqual",
  value: "select(T(0), T(1), a <= b)",
};
export const greater: BinaryFunction = {
  name: "greater",
  value: "select(T(0), T(1), a > b)",
};
export const greaterEqual: BinaryFunction = {
  name: "greaterEqual",
  value: "select(T(0), T(1), a >= b)",
};
