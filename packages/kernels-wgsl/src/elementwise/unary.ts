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
import type { UnaryFunction } from "./unary-functions.js";
import * as functions from "./unary-functions.js";

/**
 * Functions of one element, by name. `a` and `b`: leakyRelu's slope, clamp's bounds, elu's alpha, the number of those whose
 * name has "scalar", before or after the element. Integer tensors take those that need no fraction.
 */
export type UnaryOp = keyof typeof functions;

/** Names of all unary functions. */
export const unaryOps = /* @__PURE__ */ Object.keys(functions) as UnaryOp[];

/** Elementwise function of `count` elements. */
export interface ElementsSpec {
  readonly count: number;
  readonly type?: ElementType;
  /** First and second constant of the function; see `UnaryOp`. */
  readonly a?: number;
  readonly b?: number;
}

/** Such a function by its name. */
export interface UnarySpec extends ElementsSpec {
  readonly op: UnaryOp;
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
 * @param uses WGSL functions that the expression calls
 */
export function unaryKernel(
  spec: ElementsSpec,
  inputs: readonly string[],
  name: string,
  value: string,
  uses: readonly string[] = [],
): Kernel {
  const { count, type = "f32", a = 0, b = 0 } = spec;
  const width = count % 4 === 0 ? 4 : 1;
  const stored = scalarOrVector(type, width);
  const computed = computeType(type);
  const constant = (c: number) => scalarParam(c, computed);
  const loads = inputs.map((n) => `  let ${n} = T(${n}In[i]);`);
  for (const c of ["a", "b"]) {
    if (new RegExp(`\\b${c}\\b`).test(value)) loads.push(`  let ${c} = T(${computed}(p.${c}));`);
  }
  const nan = value.includes("isNan(") ? [isNanFunction(width)] : [];
  return defineKernel({
    name,
    buffers: [...inputs.map((n) => input(`${n}In`, stored)), output("out", stored)],
    params: { a: constant(a), b: constant(b) },
    globals: `alias T = ${scalarOrVector(computed, width)};\n${[...uses, ...nan].join("\n")}`,
    count: count / width,
    body: `${loads.join("\n")}
  out[i] = ${stored}(${value});`,
    flops: count,
    bytes: count * elementSize(type) * (inputs.length + 1),
  });
}

/** What some adapters' built-in functions lose NaN in: SwiftShader clamps the argument of exp. */
const LOSES_NAN = /exp|log|pow|sin\(|cos\(|(?:sigmoid|tanh|erf|geluInner)_\(/;

/** y of x by a function. Bindings: x, y. */
export function unaryOf(fn: UnaryFunction, spec: ElementsSpec): Kernel {
  const { type = "f32", a = 0 } = spec;
  const { name, value, uses = [], usesOf } = fn;
  const isOne = usesOf !== undefined && a === 0;
  const kept = computeType(type) === "f32" && LOSES_NAN.test(value) && !isOne;
  const called = usesOf ? [...uses, usesOf(a)] : uses;
  const safe = kept ? `select(${value}, x, isNan(x))` : value;
  return unaryKernel(spec, ["x"], `unary-${name}`, safe, called);
}

/** y = op(x). Bindings: x, y. */
export function unary(spec: UnarySpec): Kernel {
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: who names functions by text carries all
  return unaryOf(functions[spec.op], spec);
}
