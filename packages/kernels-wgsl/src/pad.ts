/**
 * Padding of a tensor of up to six axes by a constant, by reflection, or by the edge.
 *
 * One invocation an output element: each coordinate maps to a source coordinate (negative padding crops).
 * The gradient of constant padding is a slice (`copy.ts`). That of reflection and edge gathers along one
 * axis at a time: every input element sums the few output elements that read it, in a fixed order.
 */
import {
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  sizeOf,
  splitIndex,
} from "./define.js";
import type { Kernel, ParamValue } from "./kernel.js";
import { contiguousStrides } from "./strided.js";

/** How elements outside the source are made. Reflection does not repeat the edge element. */
export type PadMode = "constant" | "reflect" | "edge";

/** Elements added before and after each axis; negative numbers crop (constant mode only). */
export interface PadSpec {
  readonly shape: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly mode: PadMode;
  readonly value?: number;
  readonly type?: ElementType;
}

const mapping: Record<PadMode, string> = {
  constant: "s",
  reflect: "select(select(s, 2 * (n - 1) - s, s >= n), -s, s < 0)",
  edge: "clamp(s, 0, n - 1)",
};

const sourceFunction = (mode: PadMode) =>
  `fn source(s: i32, n: i32) -> i32 { return ${mapping[mode]}; }`;

/** Shape after padding. */
export function padOutputShape(
  shape: readonly number[],
  before: readonly number[],
  after: readonly number[],
): number[] {
  return shape.map((n, axis) => n + before[axis] + after[axis]);
}

/** Bindings: x, y. */
export function pad(spec: PadSpec): Kernel {
  const { shape, before, after, mode, value = 0, type = "f32" } = spec;
  const rank = shape.length;
  const outShape = padOutputShape(shape, before, after);
  const strides = contiguousStrides(shape);
  const params: Record<string, ParamValue> = {
    value: type === "i32" || type === "u32" ? { i32: value } : { f32: value },
  };
  const outerFirst = shape.map((_, axis) => [`o${axis}`, `p.out${axis}`] as const);
  const lines = [
    splitIndex("i", outerFirst.slice(1).reverse(), "o0"),
    "  var at = 0;",
    "  var inside = true;",
  ];
  for (let axis = rank - 1; axis >= 0; axis--) {
    params[`out${axis}`] = outShape[axis];
    params[`n${axis}`] = { i32: shape[axis] };
    params[`before${axis}`] = { i32: before[axis] };
    params[`stride${axis}`] = { i32: strides[axis] };
    lines.push(
      `  let s${axis} = source(i32(o${axis}) - p.before${axis}, p.n${axis});`,
      `  inside = inside && s${axis} >= 0 && s${axis} < p.n${axis};`,
      `  at += s${axis} * p.stride${axis};`,
    );
  }
  return defineKernel({
    name: `pad-${mode}`,
    buffers: [input("x", type), output("y", type)],
    params,
    globals: sourceFunction(mode),
    count: sizeOf(outShape),
    body: `${lines.join("\n")}
  var v = ${type}(p.value);
  if (inside) { v = x[at]; }
  y[i] = v;`,
    flops: 0,
    bytes: (sizeOf(outShape) + sizeOf(shape)) * elementSize(type),
  });
}

/** One axis of a padded tensor seen as [outer, extent, inner]; `extent` is the unpadded one. */
export interface PadAxisSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly before: number;
  readonly after: number;
  readonly mode: "reflect" | "edge";
}

/** Gradient along one axis. Bindings: gradient of y [outer, before + extent + after, inner], of x. */
export function padBackwardAxis(spec: PadAxisSpec): Kernel {
  const { outer, extent, inner, before, after, mode } = spec;
  const padded = before + extent + after;
  const size = outer * extent * inner;
  return defineKernel({
    name: `pad-${mode}-backward`,
    buffers: [input("gradY", "f32"), output("gradX", "f32")],
    params: { extent: { i32: extent }, inner, before: { i32: before }, padded: { i32: padded } },
    globals: sourceFunction(mode),
    count: size,
    body: `  let k = i % p.inner;
  let row = i / p.inner;
  let j = i32(row) % p.extent;
  let base = i32(row) / p.extent * p.padded;
  var sum = gradY[u32(base + p.before + j) * p.inner + k];
  for (var o = 0; o < p.before; o++) {
    if (source(o - p.before, p.extent) == j) { sum += gradY[u32(base + o) * p.inner + k]; }
  }
  for (var o = p.before + p.extent; o < p.padded; o++) {
    if (source(o - p.before, p.extent) == j) { sum += gradY[u32(base + o) * p.inner + k]; }
  }
  gradX[i] = sum;`,
    flops: size,
    bytes: (size + outer * padded * inner) * 4,
  });
}
