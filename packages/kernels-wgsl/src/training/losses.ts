/**
 * Losses, fused with the function in front of them so that they are exact where that function saturates.
 *
 * - Softmax cross-entropy with integer labels, one loss a row: logsumexp(x) − x[label], and its gradient
 *   softmax(x) − onehot. Short rows take an invocation, long ones a workgroup (`rows.ts`).
 * - Sigmoid focal loss of logits (Lin et al. 2017), elementwise: α_t · (1 − p_t)^γ · CE. Both p and 1 − p
 *   come from an exponential of −|x|, so neither is ever the difference of two near-equal numbers.
 * - Smooth L1 (Girshick 2015) with PyTorch's β, elementwise.
 */
import { defineKernel, input, output, scalarOrVector } from "../define.js";
import type { Kernel, ParamValue } from "../kernel.js";
import { rowGlobals, rowLanes, rowPrologue, rowTotal } from "../reduce/rows.js";

/** `rows` rows of `classes` logits; rows labelled `ignoreIndex` count nothing. */
export interface CrossEntropySpec {
  readonly rows: number;
  readonly classes: number;
  readonly ignoreIndex: number;
}

function crossEntropyParams({
  classes,
  ignoreIndex,
}: CrossEntropySpec): Record<string, ParamValue> {
  return { length: classes, ignore: { i32: ignoreIndex }, nan: { f32: Number.NaN } };
}

function rowStatistics(lanes: number): string {
  return `${rowPrologue(lanes)}
  let label = labels[row];
  var highest = x[base];
  for (var j = first; j < p.length; j += LANES) { highest = max(highest, x[base + j]); }
  highest = rowMax(highest, first);
${rowTotal("total", "exp(x[base + j] - highest)")}
  let valid = label >= 0 && label < i32(p.length);`;
}

/** Loss of each row; NaN for a label that is neither a class nor ignored. Bindings: logits, labels (i32), loss. */
export function crossEntropy(spec: CrossEntropySpec): Kernel {
  const { rows, classes } = spec;
  const lanes = rowLanes(classes);
  return defineKernel({
    name: `cross-entropy${lanes > 1 ? "-workgroup" : ""}`,
    buffers: [input("x", "f32"), input("labels", "i32"), output("loss", "f32")],
    params: crossEntropyParams(spec),
    globals: rowGlobals(lanes, ["max", "sum"]),
    count: rows,
    perGroup: lanes > 1,
    body: `${rowStatistics(lanes)}
  if (first == 0u) {
    var value = p.nan;
    if (valid) { value = log(total) + highest - x[base + u32(label)]; }
    loss[row] = select(value, 0.0, label == p.ignore);
  }`,
    flops: rows * classes * 3,
    bytes: rows * (classes + 2) * 4,
  });
}

/** Bindings: gradient of the losses [rows], logits, labels (i32), gradient of the logits. */
export function crossEntropyBackward(spec: CrossEntropySpec): Kernel {
  const { rows, classes } = spec;
  const lanes = rowLanes(classes);
  return defineKernel({
    name: `cross-entropy-backward${lanes > 1 ? "-workgroup" : ""}`,
    buffers: [
      input("gradLoss", "f32"),
      input("x", "f32"),
      input("labels", "i32"),
      output("gradX", "f32"),
    ],
    params: crossEntropyParams(spec),
    globals: rowGlobals(lanes, ["max", "sum"]),
    count: rows,
    perGroup: lanes > 1,
    body: `${rowStatistics(lanes)}
  let scale = select(p.nan, gradLoss[row], valid);
  for (var j = first; j < p.length; j += LANES) {
    let hit = select(0.0, 1.0, i32(j) == label);
    let value = scale * (exp(x[base + j] - highest) / total - hit);
    gradX[base + j] = select(value, 0.0, label == p.ignore);
  }`,
    flops: rows * classes * 5,
    bytes: rows * (classes * 2 + 2) * 4,
  });
}

interface ElementwiseLoss {
  readonly name: string;
  readonly count: number;
  readonly inputs: readonly string[];
  readonly params: Record<string, ParamValue>;
  readonly globals?: string;
  readonly value: string;
}

function elementwise({
  name,
  count,
  inputs,
  params,
  globals = "",
  value,
}: ElementwiseLoss): Kernel {
  const width = count % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  return defineKernel({
    name,
    buffers: [...inputs.map((n) => input(`${n}In`, element)), output("out", element)],
    params,
    globals: `alias T = ${element};\n${globals}`,
    count: count / width,
    body: `${inputs.map((n) => `  let ${n} = ${n}In[i];`).join("\n")}
  out[i] = ${value};`,
    flops: count * 10,
    bytes: count * (inputs.length + 1) * 4,
  });
}

/** Focal loss of `count` logits; alpha < 0 leaves the classes unweighted, gamma = 0 is cross-entropy. */
export interface FocalSpec {
  readonly count: number;
  readonly alpha: number;
  readonly gamma: number;
}

/** `p1` = sigmoid(x), `p0` = 1 − p1, `miss` = 1 − p_t, `ce` = −log p_t, and the class weight, for targets t. */
const focalParts = `struct Focal { p1: T, p0: T, miss: T, ce: T, weight: T }
fn focal(x: T, t: T) -> Focal {
  let e = exp(-abs(x));
  let large = T(1.0) / (T(1.0) + e);
  let small = e * large;
  let p1 = select(small, large, x >= T(0.0));
  let p0 = select(large, small, x >= T(0.0));
  let series = e * (1.0 + e * (-0.5 + e * (1.0 / 3.0 - e * 0.25)));
  let ce = max(x, T(0.0)) - x * t + select(log(1.0 + e), series, e < T(0.01));
  let balanced = p.alpha * t + (1.0 - p.alpha) * (1.0 - t);
  let weight = select(balanced, T(1.0), T(p.alpha) < T(0.0));
  return Focal(p1, p0, p1 * (1.0 - t) + p0 * t, ce, weight);
}
fn modulation(miss: T) -> T {
  let power = pow(max(miss, T(1e-37)), T(p.gamma));
  return select(select(power, T(0.0), miss <= T(0.0)), T(1.0), T(p.gamma) == T(0.0));
}
fn focalLoss(x: T, t: T) -> T {
  let f = focal(x, t);
  return f.weight * f.ce * modulation(f.miss);
}
fn focalGradient(x: T, t: T) -> T {
  let f = focal(x, t);
  let slope = select(f.p1 * f.p0 / f.miss, T(0.0), f.miss <= T(0.0));
  let inner = (f.p1 - t) - p.gamma * f.ce * (2.0 * t - 1.0) * slope;
  return f.weight * modulation(f.miss) * inner;
}`;

/** Bindings: logits, targets in [0, 1], loss. */
export function sigmoidFocal({ count, alpha, gamma }: FocalSpec): Kernel {
  return elementwise({
    name: "sigmoid-focal",
    count,
    inputs: ["x", "t"],
    params: { alpha: { f32: alpha }, gamma: { f32: gamma } },
    globals: focalParts,
    value: "focalLoss(x, t)",
  });
}

/** Bindings: gradient of the loss, logits, targets, gradient of the logits. */
export function sigmoidFocalBackward({ count, alpha, gamma }: FocalSpec): Kernel {
  return elementwise({
    name: "sigmoid-focal-backward",
    count,
    inputs: ["g", "x", "t"],
    params: { alpha: { f32: alpha }, gamma: { f32: gamma } },
    globals: focalParts,
    value: "g * focalGradient(x, t)",
  });
}

/** Smooth L1 of `count` differences d: d²/(2β) where |d| < β, else |d| − β/2; β = 0 is L1. */
export interface SmoothL1Spec {
  readonly count: number;
  readonly beta: number;
}

/** Bindings: prediction, target, loss. */
export function smoothL1({ count, beta }: SmoothL1Spec): Kernel {
  return elementwise({
    name: "smooth-l1",
    count,
    inputs: ["x", "t"],
    params: { beta: { f32: beta }, curvature: { f32: beta > 0 ? 0.5 / beta : 0 } },
    globals: `fn loss(d: T) -> T {
  return select(abs(d) - 0.5 * p.beta, d * d * p.curvature, abs(d) < T(p.beta));
}`,
    value: "loss(x - t)",
  });
}

/** Bindings: gradient of the loss, prediction, target, gradient of the prediction. */
export function smoothL1Backward({ count, beta }: SmoothL1Spec): Kernel {
  return elementwise({
    name: "smooth-l1-backward",
    count,
    inputs: ["g", "x", "t"],
    params: { beta: { f32: beta }, inverse: { f32: beta > 0 ? 1 / beta : 0 } },
    globals: `fn gradient(d: T) -> T { return select(sign(d), d * p.inverse, abs(d) < T(p.beta)); }`,
    value: "g * gradient(x - t)",
  });
}
