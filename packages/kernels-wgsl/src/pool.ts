/**
 * Maximum and average pooling over up to three spatial axes of channels-last tensors, and their gradients.
 *
 * One invocation an output element (four channels where C allows). The maximum keeps the position it took,
 * so that its gradient needs no search; both gradients gather: an input element visits the windows that
 * contain it, in a fixed order, so no atomics and the same result every time. 1-D and 2-D pooling are the
 * case of unit leading axes.
 */
import { defineKernel, input, output, scalarOrVector, sizeOf, splitIndex } from "./define.js";
import type { Kernel, ParamValue } from "./kernel.js";
import { isNanFunction } from "./nan.js";

/** Depth, height and width. */
export type Spatial = readonly [depth: number, height: number, width: number];

/** Windows of a pooling: sizes in elements along depth, height and width. */
export interface PoolSpec {
  readonly batch: number;
  readonly channels: number;
  readonly from: Spatial;
  readonly to: Spatial;
  readonly kernel: Spatial;
  readonly stride: Spatial;
  readonly dilation: Spatial;
  /** Padding before and after each axis. */
  readonly before: Spatial;
  readonly after: Spatial;
}

/** One axis of a pooling, for its output size. */
export interface PoolAxis {
  readonly from: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

/** Windows along an axis; with `ceil`, also a last partial one that starts inside the input or its front padding. */
export function poolOutputSize(axis: PoolAxis, ceil: boolean): number {
  const { from, kernel, stride, dilation, before, after } = axis;
  const room = from + before + after - dilation * (kernel - 1) - 1;
  const windows = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
  return ceil && (windows - 1) * stride >= from + before ? windows - 1 : windows;
}

const axes = ["z", "y", "x"] as const;

function axisParams(spec: PoolSpec): Record<string, ParamValue> {
  const params: Record<string, ParamValue> = {};
  for (const [k, axis] of axes.entries()) {
    params[`${axis}From`] = { i32: spec.from[k] };
    params[`${axis}To`] = { i32: spec.to[k] };
    params[`${axis}Kernel`] = { i32: spec.kernel[k] };
    params[`${axis}Stride`] = { i32: spec.stride[k] };
    params[`${axis}Dilation`] = { i32: spec.dilation[k] };
    params[`${axis}Before`] = { i32: spec.before[k] };
    params[`${axis}After`] = { i32: spec.after[k] };
  }
  return params;
}

/** Splits the work item `i` into channel `c`, image `n` and the spatial position of the `side` tensor. */
function position(side: "From" | "To"): string {
  const extent = (axis: string) => `u32(p.${axis}${side})`;
  const split = splitIndex(
    "i",
    [
      ["c", "p.channels"],
      ["ux", extent("x")],
      ["uy", extent("y")],
      ["uz", extent("z")],
    ],
    "un",
  );
  return `${split}
  let x = i32(ux);
  let y = i32(uy);
  let z = i32(uz);
  let n = i32(un);`;
}

/** Runs `body` for every input position (sz, sy, sx) in the window of the output (z, y, x). */
function forEachInput(body: string): string {
  const loop = (axis: string) =>
    `for (var k${axis} = 0; k${axis} < p.${axis}Kernel; k${axis}++) {
    let s${axis} = ${axis} * p.${axis}Stride - p.${axis}Before + k${axis} * p.${axis}Dilation;
    if (s${axis} < 0 || s${axis} >= p.${axis}From) { continue; }`;
  return `  ${axes.map(loop).join("\n  ")}
    let at = (sz * p.yFrom + sy) * p.xFrom + sx;
${body}
  }}}`;
}

/** Runs `body` for every output position (oz, oy, ox) whose window contains the input (z, y, x). */
function forEachOutput(body: string): string {
  const loop = (axis: string) =>
    `for (var k${axis} = 0; k${axis} < p.${axis}Kernel; k${axis}++) {
    let t${axis} = ${axis} + p.${axis}Before - k${axis} * p.${axis}Dilation;
    let o${axis} = t${axis} / p.${axis}Stride;
    if (t${axis} < 0 || t${axis} % p.${axis}Stride != 0 || o${axis} >= p.${axis}To) { continue; }`;
  return `  ${axes.map(loop).join("\n  ")}
    let at = u32(((n * p.zTo + oz) * p.yTo + oy) * p.xTo + ox) * p.channels + c;
${body}
  }}}`;
}

interface PoolBody {
  readonly name: string;
  readonly side: "From" | "To";
  readonly buffers: (f32: string, i32: string) => ReturnType<typeof input>[];
  readonly body: string;
  readonly globals?: string;
}

function poolKernel(spec: PoolSpec, { name, side, buffers, body, globals = "" }: PoolBody): Kernel {
  const { batch, channels, from, to, kernel } = spec;
  const width = channels % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  const index = scalarOrVector("i32", width);
  const outputs = batch * sizeOf(to) * channels;
  const inputs = batch * sizeOf(from) * channels;
  return defineKernel({
    name,
    buffers: buffers(element, index),
    params: { channels: channels / width, lowest: 0xff800000, ...axisParams(spec) },
    globals: `alias T = ${element};\nalias I = ${index};\n${globals}`,
    count: (side === "To" ? outputs : inputs) / width,
    body: `${position(side)}\n${body}`,
    flops: outputs * sizeOf(kernel),
    bytes: (inputs + outputs) * 4,
  });
}

/**
 * Maximum of every window; padding never wins, NaN always. Bindings: x, y, and the positions the maxima were at
 * (i32: (depth · H + row) · W + column; −1 where a window saw padding only, whose maximum is −∞).
 */
export function maxPool(spec: PoolSpec): Kernel {
  return poolKernel(spec, {
    name: "max-pool",
    side: "To",
    globals: isNanFunction(spec.channels % 4 === 0 ? 4 : 1),
    buffers: (f, i) => [input("src", f), output("dst", f), output("positions", i)],
    body: `  var best = T(bitcast<f32>(p.lowest));
  var taken = I(-1);
${forEachInput(`    let v = src[u32(n * p.zFrom * p.yFrom * p.xFrom + at) * p.channels + c];
    let better = (v > best) | (taken < I(0)) | isNan(v);
    best = select(best, v, better);
    taken = select(taken, I(at), better);`)}
  dst[i] = best;
  positions[i] = taken;`,
  });
}

/** Bindings: gradient of y, positions, gradient of x. */
export function maxPoolBackward(spec: PoolSpec): Kernel {
  return poolKernel(spec, {
    name: "max-pool-backward",
    side: "From",
    buffers: (f, i) => [input("gradY", f), input("positions", i), output("gradX", f)],
    body: `  let own = I((z * p.yFrom + y) * p.xFrom + x);
  var sum = T(0.0);
${forEachOutput("    sum += select(T(0.0), gradY[at], positions[at] == own);")}
  gradX[i] = sum;`,
  });
}

/** How many taps of window `o` count along an axis. */
function tapsFunction(countPadding: boolean): string {
  return `fn ceilDiv(a: i32, b: i32) -> i32 { return (a + b - 1) / b; }
fn taps(o: i32, kernel: i32, stride: i32, dilation: i32, before: i32, size: i32, after: i32) -> i32 {
  let start = o * stride - before;
  let first = ${countPadding ? "0" : "ceilDiv(max(-start, 0), dilation)"};
  let end = min(kernel, ceilDiv(max(size + ${countPadding ? "after" : "0"} - start, 0), dilation));
  return max(end - first, 0);
}`;
}

/** WGSL of the reciprocal of the number of elements window (z, y, x) averages. */
function weight(z: string, y: string, x: string): string {
  const count = [z, y, x].map((o, k) => {
    const a = axes[k];
    return `taps(${o}, p.${a}Kernel, p.${a}Stride, p.${a}Dilation, p.${a}Before, p.${a}From, p.${a}After)`;
  });
  return `1.0 / f32(max(1, ${count.join(" *\n      ")}))`;
}

/** An average pooling; `countPadding` divides by the padded window, as PyTorch's count_include_pad. */
export interface AveragePoolSpec extends PoolSpec {
  readonly countPadding: boolean;
}

/** Average of every window. Bindings: x, y. */
export function averagePool(spec: AveragePoolSpec): Kernel {
  return poolKernel(spec, {
    name: `average-pool${spec.countPadding ? "-padded" : ""}`,
    side: "To",
    globals: tapsFunction(spec.countPadding),
    buffers: (f) => [input("src", f), output("dst", f)],
    body: `  var sum = T(0.0);
${forEachInput("    sum += src[u32(n * p.zFrom * p.yFrom * p.xFrom + at) * p.channels + c];")}
  dst[i] = sum * (${weight("z", "y", "x")});`,
  });
}

/** Bindings: gradient of y, gradient of x. */
export function averagePoolBackward(spec: AveragePoolSpec): Kernel {
  return poolKernel(spec, {
    name: `average-pool${spec.countPadding ? "-padded" : ""}-backward`,
    side: "From",
    globals: tapsFunction(spec.countPadding),
    buffers: (f) => [input("gradY", f), output("gradX", f)],
    body: `  var sum = T(0.0);
${forEachOutput(`    sum += gradY[at] * (${weight("oz", "oy", "ox")});`)}
  gradX[i] = sum;`,
  });
}
