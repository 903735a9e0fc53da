/**
 * Elementwise functions of one tensor. Their gradients stand in `unary-gradient.ts`, so that a program which only runs
 * networks does not carry them.
 *
 * One invocation computes four elements (one vec4 load and store) where the count allows it, else one.
 * Exponentials are only taken of non-positive numbers, so nothing overflows: sigmoid, tanh and softplus are
 * exact to rounding at any input. NaN stays NaN. Constants (slope, bounds, exponent) are parameters.
 */
import {
  computeType,
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  scalarOrVector,
} from "../define.js";
import type { Kernel, ParamValue } from "../kernel.js";
import { isNanFunction } from "../nan.js";

const zero = "T(0)";
const one = "T(1)";

function truth(condition: string): string {
  return `select(${zero}, ${one}, ${condition})`;
}

const SELU_ALPHA = "1.6732632423543772";
const SELU_SCALE = "1.0507009873554805";

/** WGSL in terms of `x` and the constants `a`, `b`; `T` is scalar or vec4. */
const functions = {
  relu: `select(x, ${zero}, x < ${zero})`,
  leakyRelu: `select(x * a, x, x >= ${zero})`,
  sigmoid: "sigmoid_(x)",
  tanh: "tanh_(x)",
  exp: "exp(x)",
  log: "log(x)",
  sqrt: "sqrt(x)",
  rsqrt: "inverseSqrt(x)",
  abs: "abs(x)",
  sign: "sign(x)",
  neg: "-x",
  square: "x * x",
  reciprocal: `${one} / x`,
  clamp: "clamp_(x, a, b)",
  elu: `select(a * expm1_(negative_(x)), x, x > ${zero})`,
  selu: `T(${SELU_SCALE}) * select(T(${SELU_ALPHA}) * expm1_(negative_(x)), x, x > ${zero})`,
  softplus: `max(x, ${zero}) + log1p_(exp(-abs(x)))`,
  // A GPU may divide by multiplying with the reciprocal, which above 2^126 is 0.
  softsign: `select(x / (${one} + abs(x)), sign(x), abs(x) > T(1e30))`,
  expm1: "expm1_(x)",
  log1p: "logOnePlus_(x)",
  erf: "erf_(x)",
  // x · Φ(x), and with the density φ for the gradient.
  gelu: `T(0.5) * x * (${one} + erf_(x * T(0.7071067811865476)))`,
  // In terms of the sigmoid, which is (1 + tanh) / 2 of half the argument.
  geluTanh: "x * sigmoid_(geluInner_(x))",
  sin: "sin(x)",
  cos: "cos(x)",
  floor: "floor(x)",
  ceil: "ceil(x)",
  round: "round(x)",
  addScalar: "x + a",
  mulScalar: "x * a",
  powScalar: "pow_(x)",
  divScalar: "x / a",
  scalarSub: "a - x",
  scalarDiv: "a / x",
  scalarPow: "pow(a, x)",
  equalScalar: truth("x == a"),
  lessScalar: truth("x < a"),
  lessEqualScalar: truth("x <= a"),
  greaterScalar: truth("x > a"),
  greaterEqualScalar: truth("x >= a"),
} satisfies Record<string, string>;

/**
 * Functions of one element. `a` and `b`: leakyRelu's slope, clamp's bounds, elu's alpha, the number of those whose
 * name has "scalar", before or after the element. Integer tensors take those that need no fraction.
 */
export type UnaryOp = keyof typeof functions;

/** Names of all unary functions. */
export const unaryOps = Object.keys(functions) as UnaryOp[];

const helpers: Record<string, string> = {
  // By comparisons, which NaN fails, and not by min and max, which may drop it.
  clamp_: `fn clamp_(x: T, low: T, high: T) -> T {
  let raised = select(x, low, x < low);
  return select(raised, high, raised > high);
}`,
  negative_: `fn negative_(x: T) -> T { return select(x, T(0), x > T(0)); }`,
  sigmoid_: `fn sigmoid_(x: T) -> T {
  let e = exp(-abs(x));
  return select(e, T(1.0), x >= T(0.0)) / (T(1.0) + e);
}`,
  tanh_: `fn tanh_(x: T) -> T {
  let e = exp(-2.0 * abs(x));
  let s = x * x;
  let series = x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2835.0)))));
  return select(sign(x) * (1.0 - e) / (1.0 + e), series, s < T(0.0625));
}`,
  expm1_: `fn expm1_(x: T) -> T {
  let series = x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * (1.0 + x / 4.0 * (1.0 + x / 5.0))));
  return select(exp(x) - 1.0, series, abs(x) < T(0.1));
}`,
  // Taylor's series below 1; above, 7.1.26 of Abramowitz and Stegun, whose error is 1.5e-7.
  erf_: `fn erf_(x: T) -> T {
  let s = x * x;
  let series = T(1.1283791670955126) * x * (1.0 - s * (1.0 / 3.0 - s * (1.0 / 10.0 - s * (1.0 / 42.0
    - s * (1.0 / 216.0 - s * (1.0 / 1320.0 - s * (1.0 / 9360.0 - s * (1.0 / 75600.0
    - s * (1.0 / 685440.0 - s * (1.0 / 6894720.0))))))))));
  let t = 1.0 / (1.0 + 0.3275911 * abs(x));
  let tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return select(sign(x) * (1.0 - tail * exp(-s)), series, abs(x) < T(1.0));
}`,
  geluInner_: `fn geluInner_(x: T) -> T { return T(1.5957691216057308) * (x + T(0.044715) * x * x * x); }`,
  logOnePlus_: `fn logOnePlus_(x: T) -> T {
  let s = x / (2.0 + x);
  let q = s * s;
  let series = 2.0 * s * (1.0 + q * (1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * (1.0 / 9.0)))));
  return select(log(1.0 + x), series, abs(x) < T(0.3));
}`,
  log1p_: `fn log1p_(e: T) -> T {
  let series = e * (1.0 + e * (-0.5 + e * (1.0 / 3.0 - e * 0.25)));
  return select(log(1.0 + e), series, e < T(0.01));
}`,
};

/** A power with a constant exponent: products for small integers, which also take negative bases. */
export function powerFunction(name: string, exponent: number): string {
  const steps = Math.abs(exponent);
  if (Number.isInteger(exponent) && steps <= 8) {
    const product = steps === 0 ? "T(1)" : Array(steps).fill("x").join(" * ");
    return `fn ${name}(x: T) -> T { return ${exponent < 0 ? `1.0 / (${product})` : product}; }`;
  }
  const raised = (base: string) => `pow(${base}, T(${exponent}))`;
  // Adapters differ in what pow makes of 0.
  const ofZero = exponent < 0 ? "T(infinity_())" : "T(0.0)";
  const at = (value: string) => `select(${value}, ${ofZero}, x == T(0.0))`;
  const infinity = `fn infinity_() -> f32 {
  var bits = 0x7f800000u;
  return bitcast<f32>(bits);
}
`;
  const text = (value: string) => `${infinity}fn ${name}(x: T) -> T { return ${at(value)}; }`;
  if (!Number.isInteger(exponent)) return text(raised("x"));
  const power = raised("abs(x)");
  return text(exponent % 2 === 0 ? power : `select(${power}, -${power}, x < T(0.0))`);
}

function helperText(expression: string, exponent: number, width: number): string {
  const used = Object.entries(helpers).filter(([name]) => expression.includes(name));
  const text = used.map(([, source]) => source);
  if (expression.includes("isNan(")) text.push(isNanFunction(width));
  if (expression.includes("pow_(")) text.push(powerFunction("pow_", exponent));
  return text.join("\n");
}

/** Elementwise function of `count` elements. */
export interface UnarySpec {
  readonly op: UnaryOp;
  readonly count: number;
  readonly type?: ElementType;
  /** First and second constant of the function; see `UnaryOp`. */
  readonly a?: number;
  readonly b?: number;
}

/** A constant as a parameter of the computed type, saturated to its range. */
function scalarParam(c: number, type: "f32" | "i32" | "u32"): ParamValue {
  if (type === "f32") return { f32: c };
  if (type === "u32") return Math.round(Math.min(Math.max(c, 0), 0xffffffff));
  return { i32: Math.round(Math.min(Math.max(c, -0x80000000), 0x7fffffff)) };
}

/**
 * A kernel of any such expression of its inputs.
 *
 * @param extra WGSL functions that the expression calls besides those known here
 */
export function unaryKernel(
  spec: UnarySpec,
  inputs: readonly string[],
  name: string,
  value: string,
  extra = "",
): Kernel {
  const { op, count, type = "f32", a = 0, b = 0 } = spec;
  const width = count % 4 === 0 ? 4 : 1;
  const stored = scalarOrVector(type, width);
  const computed = computeType(type);
  const constant = (c: number) => scalarParam(c, computed);
  const loads = inputs.map((n) => `  let ${n} = T(${n}In[i]);`);
  for (const c of ["a", "b"]) {
    if (new RegExp(`\\b${c}\\b`).test(value)) loads.push(`  let ${c} = T(${computed}(p.${c}));`);
  }
  return defineKernel({
    name,
    buffers: [...inputs.map((n) => input(`${n}In`, stored)), output("out", stored)],
    params: { a: constant(a), b: constant(b) },
    globals: `alias T = ${scalarOrVector(computed, width)};\n${helperText(value, op === "powScalar" ? a : 0, width)}${extra}`,
    count: count / width,
    body: `${loads.join("\n")}
  out[i] = ${stored}(${value});`,
    flops: count,
    bytes: count * elementSize(type) * (inputs.length + 1),
  });
}

/** What some adapters' built-in functions lose NaN in: SwiftShader clamps the argument of exp. */
const LOSES_NAN = /exp|log|pow|sin\(|cos\(|(?:sigmoid|tanh|erf|geluInner)_\(/;

/** y = op(x). Bindings: x, y. */
export function unary(spec: UnarySpec): Kernel {
  const { op, type = "f32", a } = spec;
  const value = functions[op];
  const isOne = op === "powScalar" && a === 0;
  const kept = computeType(type) === "f32" && LOSES_NAN.test(value) && !isOne;
  return unaryKernel(spec, ["x"], `unary-${op}`, kept ? `select(${value}, x, isNan(x))` : value);
}
