/**
 * Softmax and log-softmax over the last axis, and their gradients.
 *
 * The row's maximum is subtracted before the exponential, so any finite logits are safe. Short rows (class
 * scores) take one invocation each; long rows one workgroup each, whose partial results are combined by a
 * tree in workgroup memory. One text serves both: with one lane, the tree is empty.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { rowGlobals, rowLanes, rowPrologue, rowTotal } from "./rows.js";

/** `rows` contiguous rows of `length` elements. */
export interface SoftmaxSpec {
  readonly rows: number;
  readonly length: number;
  /** Give the logarithm of the softmax. */
  readonly log?: boolean;
}

/** Bindings: x, y. */
export function softmax(spec: SoftmaxSpec): Kernel {
  const { rows, length, log = false } = spec;
  const lanes = rowLanes(length);
  const value = log ? "x[base + j] - highest - logTotal" : "exp(x[base + j] - highest) / total";
  return defineKernel({
    name: `${log ? "log-" : ""}softmax${lanes > 1 ? "-workgroup" : ""}`,
    buffers: [input("x", "f32"), output("y", "f32")],
    params: { length },
    globals: rowGlobals(lanes, ["max", "sum"]),
    count: rows,
    perGroup: lanes > 1,
    body: `${rowPrologue(lanes)}
  var highest = x[base];
  for (var j = first; j < p.length; j += LANES) { highest = max(highest, x[base + j]); }
  highest = rowMax(highest, first);
${rowTotal("total", "exp(x[base + j] - highest)")}
${log ? "  let logTotal = log(total);\n" : ""}  for (var j = first; j < p.length; j += LANES) { y[base + j] = ${value}; }`,
    flops: rows * length * 4,
    bytes: rows * length * 8,
  });
}

/** Bindings: gradient of y, y, gradient of x. */
export function softmaxBackward(spec: SoftmaxSpec): Kernel {
  const { rows, length, log = false } = spec;
  const lanes = rowLanes(length);
  const term = log ? "gradY[base + j]" : "gradY[base + j] * y[base + j]";
  const value = log
    ? "gradY[base + j] - exp(y[base + j]) * total"
    : "y[base + j] * (gradY[base + j] - total)";
  return defineKernel({
    name: `${log ? "log-" : ""}softmax-backward${lanes > 1 ? "-workgroup" : ""}`,
    buffers: [input("gradY", "f32"), input("y", "f32"), output("gradX", "f32")],
    params: { length },
    globals: rowGlobals(lanes, ["sum"]),
    count: rows,
    perGroup: lanes > 1,
    body: `${rowPrologue(lanes)}
${rowTotal("total", term)}
  for (var j = first; j < p.length; j += LANES) { gradX[base + j] = ${value}; }`,
    flops: rows * length * 4,
    bytes: rows * length * 12,
  });
}
