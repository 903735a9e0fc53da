/**
 * Elementwise functions of two tensors with numpy broadcasting, and their gradients before the sum over
 * broadcast axes.
 *
 * Broadcasting is a stride of 0. Axes are merged on the host (see `strided.ts`), so same-shape operands
 * become a flat walk and a channel vector over an image a walk over two axes; four elements a work item
 * where alignment allows.
 */
import {
  computeType,
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  scalarOrVector,
  sizeOf,
} from "../define.js";
import type { Kernel } from "../kernel.js";
import { isNanFunction } from "../nan.js";
import { broadcastStrides, contiguousStrides, walkStrided } from "../strided.js";

/** WGSL text in terms of `a` and `b`, and for the gradients of `g`; `T` is scalar or vec4. */
interface BinaryFunction {
  readonly value: string;
  readonly a?: string;
  readonly b?: string;
}

const zero = "T(0)";

function truth(condition: string): BinaryFunction {
  return { value: `select(${zero}, T(1), ${condition})` };
}

/** The gradient of a maximum goes to the larger operand, in halves where they tie (PyTorch's rule). */
function extreme(value: string, aWins: string, bWins: string): Required<BinaryFunction> {
  const share = (wins: string) => `select(select(${zero}, g * T(0.5), a == b), g, ${wins})`;
  return { value, a: share(aWins), b: share(bWins) };
}

const functions = {
  add: { value: "a + b" },
  sub: { value: "a - b" },
  mul: { value: "a * b", a: "g * b", b: "g * a" },
  div: { value: "a / b", a: "g / b", b: "-g * a / (b * b)" },
  pow: { value: "power(a, b)", a: "powerByBase(g, a, b)", b: "powerByExponent(g, a, b)" },
  maximum: extreme("larger(a, b)", "a > b", "b > a"),
  minimum: extreme("smaller(a, b)", "a < b", "b < a"),
  /** a is the input, b the slope for negative inputs. */
  prelu: {
    value: `select(a * b, a, a >= ${zero})`,
    a: `select(g * b, g, a > ${zero})`,
    b: `select(g * a, ${zero}, a > ${zero})`,
  },
  equal: truth("a == b"),
  less: truth("a < b"),
  lessEqual: truth("a <= b"),
  greater: truth("a > b"),
  greaterEqual: truth("a >= b"),
} satisfies Record<string, BinaryFunction>;

/** Functions of two elements. Comparisons give 1 or 0 in the operands' type. */
export type BinaryOp = keyof typeof functions;

/** Names of all binary functions. */
export const binaryOps = Object.keys(functions) as BinaryOp[];

/** Those whose gradient is not just the incoming one, up to sign. */
export type BinaryOpWithGradient = {
  [K in BinaryOp]: (typeof functions)[K] extends { a: string } ? K : never;
}[BinaryOp];

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

/** The functions that an operation's text calls. */
function helpers(op: BinaryOp, type: ElementType, width: number): string {
  const isFloat = computeType(type) === "f32";
  const nan = isFloat ? isNanFunction(width) : "";
  if (op === "pow") return `\n${nan}${powers}`;
  return op === "maximum" || op === "minimum" ? `\n${nan}${extremes(isFloat)}` : "";
}

/** Shapes of the operands; `shape` is their broadcast shape. */
export interface BinarySpec {
  readonly op: BinaryOp;
  readonly aShape: readonly number[];
  readonly bShape: readonly number[];
  readonly shape: readonly number[];
  readonly type?: ElementType;
}

function binaryKernel(
  spec: BinarySpec,
  name: string,
  value: string,
  withGradient: boolean,
): Kernel {
  const { aShape, bShape, shape, type = "f32" } = spec;
  const contiguous = contiguousStrides(shape);
  const inputs = [
    ...(withGradient ? [{ name: "g", strides: contiguous, type }] : []),
    { name: "a", strides: broadcastStrides(aShape, shape), type },
    { name: "b", strides: broadcastStrides(bShape, shape), type },
  ];
  const walk = walkStrided(shape, [{ name: "out", strides: contiguous, type }, ...inputs]);
  const loads = inputs.map(({ name: n }) => `  let ${n} = T(${n}In[${n}At]);`);
  return defineKernel({
    name,
    buffers: [
      ...inputs.map((o, k) => input(`${o.name}In`, walk.elements[k + 1])),
      output("out", walk.elements[0]),
    ],
    params: walk.params,
    globals: `alias T = ${scalarOrVector(computeType(type), walk.width)};${helpers(spec.op, type, walk.width)}`,
    count: walk.count,
    body: `${walk.code}
${loads.join("\n")}
  out[outAt] = ${walk.elements[0]}(${value});`,
    flops: sizeOf(shape),
    bytes:
      (sizeOf(shape) * (withGradient ? 2 : 1) + sizeOf(aShape) + sizeOf(bShape)) *
      elementSize(type),
  });
}

/** out = op(a, b). Bindings: a, b, out. */
export function binary(spec: BinarySpec): Kernel {
  return binaryKernel(spec, `binary-${spec.op}`, functions[spec.op].value, false);
}

/**
 * Gradient to one operand, in the broadcast shape: sum it over the axes along which that operand was
 * broadcast. Bindings: gradient of out, a, b, gradient.
 */
export function binaryBackward(
  spec: BinarySpec & { readonly op: BinaryOpWithGradient },
  operand: "a" | "b",
): Kernel {
  const name = `binary-${spec.op}-backward-${operand}`;
  return binaryKernel(spec, name, functions[spec.op][operand], true);
}
