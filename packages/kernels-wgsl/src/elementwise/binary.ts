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
import { broadcastStrides, contiguousStrides, walkStrided } from "../strided.js";
import type { BinaryFunction, Differentiable } from "./binary-functions.js";
import * as functions from "./binary-functions.js";

/** Functions of two elements, by name. Comparisons give 1 or 0 in the operands' type. */
export type BinaryOp = keyof typeof functions;

/** Names of all binary functions. */
export const binaryOps = /* @__PURE__ */ Object.keys(functions) as BinaryOp[];

/** Those whose gradient is not just the incoming one, up to sign. */
export type BinaryOpWithGradient = {
  [K in BinaryOp]: (typeof functions)[K] extends Differentiable ? K : never;
}[BinaryOp];

/** Shapes of the operands; `shape` is their broadcast shape. */
export interface OperandsSpec {
  readonly aShape: readonly number[];
  readonly bShape: readonly number[];
  readonly shape: readonly number[];
  readonly type?: ElementType;
}

/** A function of two elements by its name. */
export interface BinarySpec extends OperandsSpec {
  readonly op: BinaryOp;
}

function binaryKernel(
  spec: OperandsSpec,
  { calls }: BinaryFunction,
  name: string,
  value: string,
  withGradient: boolean,
): Kernel {
  const { aShape, bShape, shape, type = "f32" } = spec;
  const computed = computeType(type);
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
    globals: `alias T = ${scalarOrVector(computed, walk.width)};${calls?.(computed === "f32", walk.width) ?? ""}`,
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

/** out of a and b by a function. Bindings: a, b, out. */
export function binaryOf(fn: BinaryFunction, spec: OperandsSpec): Kernel {
  return binaryKernel(spec, fn, `binary-${fn.name}`, fn.value, false);
}

/** out = op(a, b). Bindings: a, b, out. */
export function binary(spec: BinarySpec): Kernel {
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: who names functions by text carries all
  return binaryOf(functions[spec.op], spec);
}

/**
 * Gradient to one operand, in the broadcast shape: sum it over the axes along which that operand was
 * broadcast. Bindings: gradient of out, a, b, gradient.
 */
export function binaryBackward(
  spec: BinarySpec & { readonly op: BinaryOpWithGradient },
  operand: "a" | "b",
): Kernel {
  // biome-ignore lint/performance/noDynamicNamespaceImportAccess: who names functions by text carries all
  const fn = functions[spec.op];
  return binaryKernel(spec, fn, `binary-${fn.name}-backward-${operand}`, fn[operand], true);
}
