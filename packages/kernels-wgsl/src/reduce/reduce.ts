/**
 * Reductions over any set of axes: sum, mean, sum of squares, product, maximum, minimum, argmax, argmin.
 *
 * One invocation reduces one segment of one output's elements; where there are few outputs and many
 * elements, the elements are split over many segments, and a further dispatch reduces the partial results,
 * until one is left per output. No atomics, no barriers: the result does not depend on scheduling.
 *
 * Accuracy: an invocation adds up at most 32 elements at a time, then 32 such sums, so the error grows with
 * the logarithm of the length (radix 32) and not with the length; a compensated sum would be as good but a
 * compiler may legally reassociate it away. Of f16 all partial results are f32, and only the last is rounded.
 *
 * Access: neighbouring invocations take neighbouring elements. When the last axis is kept (channel sums of
 * NHWC), they take neighbouring outputs; when it is reduced, neighbouring segments of the same output, with
 * elements dealt out in turn. Axes are merged first, so that contiguous cases unravel one index.
 */
import {
  computeType,
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  sizeOf,
} from "../define.js";
import type { Kernel } from "../kernel.js";
import { isNanFunction } from "../nan.js";
import {
  type Axis,
  axisParams,
  collapseAxes,
  contiguousStrides,
  offsetFunction,
} from "../strided.js";

/** Reductions of all elements to one value of the same type. */
export type ReduceOp = "sum" | "mean" | "sumSquares" | "prod" | "max" | "min";

/** A contiguous tensor and the axes that disappear. */
export interface ReduceSpec {
  readonly op: ReduceOp;
  readonly shape: readonly number[];
  /** Distinct axes, each in 0 … rank − 1. */
  readonly axes: readonly number[];
  readonly type?: ElementType;
}

/** One or more dispatches, in order; each but the last writes a scratch buffer that the next one reads. */
export interface ReducePlan {
  readonly kernels: readonly Kernel[];
  /** Elements of the scratch buffer each dispatch but the last writes, of the type computed in: f32 for f16. */
  readonly scratch: readonly number[];
}

/** Elements an invocation should at least have before the work is split. */
const MIN_SEGMENT = 64;
/** Invocations enough to fill a large GPU; more segments than that only cost a longer second stage. */
const TARGET_INVOCATIONS = 65536;

function splitAxes(spec: ReduceSpec): { kept: Axis[]; reduced: Axis[] } {
  const strides = contiguousStrides(spec.shape);
  const pick = (wanted: boolean): Axis[] => {
    const axes = spec.shape.map((_, k) => k).filter((k) => spec.axes.includes(k) === wanted);
    const merged = collapseAxes(
      axes.map((k) => spec.shape[k]),
      [axes.map((k) => strides[k])],
    );
    return merged.shape.map((extent, k) => ({ extent, stride: merged.strides[0][k] }));
  };
  return { kept: pick(false), reduced: pick(true) };
}

/** How many segments to cut `length` elements of each of `outputs` results into. */
export function segmentCount(outputs: number, length: number): number {
  const wanted = Math.ceil(TARGET_INVOCATIONS / outputs);
  const possible = Math.floor(length / MIN_SEGMENT);
  return Math.max(1, Math.min(wanted, possible));
}

interface Combine {
  readonly identity: string;
  readonly join: (a: string, b: string) => string;
}

function combineFor(op: ReduceOp, type: "f32" | "i32" | "u32"): Combine {
  const lowest = { f32: "bitcast<f32>(p.lowest)", i32: "bitcast<i32>(p.lowest)", u32: "p.lowest" };
  // NaN must win, which WGSL's max and min may drop: it fails the comparison, and is asked for in the new element.
  const take = (sign: string) => (a: string, b: string) =>
    `select(${a}, ${b}, (${b} ${sign} ${a})${type === "f32" ? ` | isNan(${b})` : ""})`;
  if (op === "max") return { identity: lowest[type], join: take(">") };
  if (op === "min") return { identity: lowest[type], join: take("<") };
  if (op === "prod") return { identity: `${type}(1)`, join: (a, b) => `${a} * ${b}` };
  return { identity: `${type}(0)`, join: (a, b) => `${a} + ${b}` };
}

/** Bits of the identity of max or min; infinities cannot be written in WGSL. */
function identityBits(op: ReduceOp, type: "f32" | "i32" | "u32"): number {
  if (type === "f32") return op === "max" ? 0xff800000 : 0x7f800000;
  if (type === "i32") return op === "max" ? 0x80000000 : 0x7fffffff;
  return op === "max" ? 0 : 0xffffffff;
}

/** Statements that leave the combination of elements `segment`, `segment + segments`, … in `total`. */
function segmentLoop(combine: Combine, element: string): string {
  return `  var total = ${combine.identity};
  var r = segment;
  while (r < p.length) {
    var middle = ${combine.identity};
    for (var m = 0u; m < 32u && r < p.length; m++) {
      var inner = ${combine.identity};
      for (var k = 0u; k < 32u && r < p.length; k++) {
        let v = ${element};
        inner = ${combine.join("inner", "v")};
        r += p.segments;
      }
      middle = ${combine.join("middle", "inner")};
    }
    total = ${combine.join("total", "middle")};
  }`;
}

interface Stage {
  readonly kept: readonly Axis[];
  readonly reduced: readonly Axis[];
  readonly segments: number;
  readonly first: boolean;
  readonly scale: number;
}

function stageKernel(spec: ReduceSpec, stage: Stage): Kernel {
  const { op, type: stored = "f32" } = spec;
  const { kept, reduced, segments } = stage;
  const type = computeType(stored);
  const [from, to] = [stage.first ? stored : type, segments === 1 ? stored : type];
  const outputs = sizeOf(kept.map((a) => a.extent));
  const length = sizeOf(reduced.map((a) => a.extent));
  const lastReduced = Math.min(...reduced.map((a) => a.stride)) === 1;
  const at = "x[base + reducedOffset(r)]";
  const x = from === type ? at : `f32(${at})`;
  const element = op === "sumSquares" && stage.first ? `${x} * ${x}` : x;
  const scaled = op === "mean" ? `total * ${type === "f32" ? "p.scale" : "1"}` : "total";
  const order = lastReduced
    ? `  let segment = i % p.segments;
  let o = i / p.segments;`
    : `  let segment = i / p.outputs;
  let o = i % p.outputs;`;
  const extremal = op === "max" || op === "min";
  return defineKernel({
    name: `reduce-${op}-${lastReduced ? "inner" : "outer"}`,
    buffers: [input("x", from), output("y", to)],
    params: {
      length,
      segments,
      outputs,
      ...(op === "mean" ? { scale: { f32: stage.scale } } : {}),
      ...(extremal ? { lowest: identityBits(op, type) } : {}),
      ...axisParams("kept", kept),
      ...axisParams("reduced", reduced),
    },
    globals: `${offsetFunction("kept", kept.length)}
${offsetFunction("reduced", reduced.length)}${extremal && type === "f32" ? `\n${isNanFunction(1)}` : ""}`,
    count: outputs * segments,
    body: `${order}
  let base = keptOffset(o);
${segmentLoop(combineFor(op, type), element)}
  y[segment * p.outputs + o] = ${to === type ? scaled : `f16(${scaled})`};`,
    flops: outputs * length * (op === "sumSquares" && stage.first ? 2 : 1),
    bytes: outputs * (length * elementSize(from) + segments * elementSize(to)),
  });
}

/**
 * Plans a reduction. Bindings of each dispatch: its input, its output. The result is contiguous over the
 * axes kept, in order (axes of extent 1 may be put back freely).
 */
export function reduce(spec: ReduceSpec): ReducePlan {
  const { kept, reduced } = splitAxes(spec);
  const outputs = sizeOf(kept.map((a) => a.extent));
  const kernels: Kernel[] = [];
  const scratch: number[] = [];
  const total = sizeOf(reduced.map((a) => a.extent));
  let stage = { kept, reduced, length: total, first: true };
  for (;;) {
    const segments = segmentCount(outputs, stage.length);
    const scale = segments === 1 ? 1 / total : 1;
    kernels.push(stageKernel(spec, { ...stage, segments, scale }));
    if (segments === 1) return { kernels, scratch };
    scratch.push(outputs * segments);
    stage = {
      kept: [{ extent: outputs, stride: 1 }],
      reduced: [{ extent: segments, stride: outputs }],
      length: segments,
      first: false,
    };
  }
}

/** Position of the largest or smallest element along one axis of [outer, extent, inner]; the first where equal, or NaN. */
export interface ArgReduceSpec {
  readonly op: "argmax" | "argmin";
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly type?: Exclude<ElementType, "f16">;
}

/** Bindings: x, index (i32) of shape [outer, inner]. */
export function argReduce(spec: ArgReduceSpec): Kernel {
  const { op, outer, extent, inner, type = "f32" } = spec;
  return defineKernel({
    name: `reduce-${op}`,
    buffers: [input("x", type), output("index", "i32")],
    params: { extent, inner },
    globals: type === "f32" ? isNanFunction(1) : "",
    count: outer * inner,
    body: `  let base = i / p.inner * p.extent * p.inner + i % p.inner;
  var best = x[base];
  var at = 0u;
  for (var k = 1u; k < p.extent; k++) {
    let v = x[base + k * p.inner];
    if ((v ${op === "argmax" ? ">" : "<"} best)${type === "f32" ? " || (isNan(v) && !isNan(best))" : ""}) {
      best = v;
      at = k;
    }
  }
  index[i] = i32(at);`,
    flops: outer * extent * inner,
    bytes: (outer * extent * inner + outer * inner) * 4,
  });
}
