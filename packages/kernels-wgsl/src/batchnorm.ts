/**
 * Batch normalisation over the last axis (NHWC channels) of a tensor seen as [rows, channels].
 *
 * Statistics: every invocation takes one channel of one segment of rows and goes over it twice, first for
 * the segment's mean, then for the squared deviations from it; a second dispatch merges the segments by
 * Chan's formula, M2 = Σ M2ₛ + nₛ(meanₛ − mean)². Two passes over a short segment cost one read from memory
 * and one from cache, and stay accurate where the mean is a thousand standard deviations, where
 * E[x²] − E[x]² loses every digit. The gradient's channel sums use the same segments. Everything else is
 * elementwise. No atomics: results do not depend on scheduling.
 *
 * A leaky ReLU that follows is part of the same kernels: a pass over memory fewer in each direction. Its
 * derivative is told by the sign of its output, which the next layer keeps anyway. Elementwise kernels give
 * an invocation several rows of the same channels, so that it loads the channels' numbers once.
 */
import { defineKernel, input, output, scalarOrVector } from "./define.js";
import type { Kernel, ParamValue } from "./kernel.js";
import { type ReducePlan, segmentCount } from "./reduce.js";

/** A contiguous tensor as rows of channels: rows = N·H·W. */
export interface BatchNormSpec {
  readonly rows: number;
  readonly channels: number;
}

/** A batch norm with what follows it. */
export interface BatchNormLayerSpec extends BatchNormSpec {
  readonly eps: number;
  /** Slope of the leaky ReLU that follows, at least 0; absent: none does. */
  readonly slope?: number;
}

/** Segments of rows, few enough that merging them in one invocation a channel is short. */
function segmentsOf(spec: BatchNormSpec): { segments: number; segmentRows: number } {
  const wanted = Math.min(256, segmentCount(spec.channels, spec.rows));
  const segmentRows = Math.ceil(spec.rows / wanted);
  return { segments: Math.ceil(spec.rows / segmentRows), segmentRows };
}

/** Statements adding `term`, which may read element `at`, over the segment's rows into `name`, 32 at a time. */
function segmentTotal(names: readonly string[], terms: readonly string[], prepare = ""): string {
  return `${names.map((n) => `  var ${n} = 0.0;`).join("\n")}
  for (var r = begin; r < end; ) {
${names.map((n) => `    var ${n}Part = 0.0;`).join("\n")}
    for (var k = 0u; k < 32u && r < end; k++) {
      let at = r * p.channels + c;
${prepare}${names.map((n, j) => `      ${n}Part += ${terms[j]};`).join("\n")}
      r++;
    }
${names.map((n) => `    ${n} += ${n}Part;`).join("\n")}
  }`;
}

const segmentPrologue = `  let c = i % p.channels;
  let segment = i / p.channels;
  let begin = segment * p.segmentRows;
  let end = min(begin + p.segmentRows, p.rows);`;

/**
 * Mean and biased variance of every channel. Bindings of the first dispatch: x, scratch; of the second:
 * scratch, mean, variance, and with `momentum` the running mean and variance, updated in place as
 * `batchNormUpdateRunning` does.
 */
export function batchNormStatistics(
  spec: BatchNormSpec & { readonly momentum?: number },
): ReducePlan {
  const { rows, channels, momentum } = spec;
  const running = momentum === undefined ? undefined : runningUpdate(rows, momentum);
  const { segments, segmentRows } = segmentsOf(spec);
  const partial = defineKernel({
    name: "batchnorm-statistics",
    buffers: [input("x", "f32"), output("partial", "f32")],
    params: { rows, channels, segmentRows },
    count: channels * segments,
    body: `${segmentPrologue}
${segmentTotal(["sum"], ["x[at]"])}
  let mean = sum / f32(end - begin);
${segmentTotal(["m2"], ["deviation * deviation"], "      let deviation = x[at] - mean;\n")}
  partial[i] = mean;
  partial[p.count + i] = m2;`,
    flops: rows * channels * 4,
    bytes: rows * channels * 4,
  });
  const merge = defineKernel({
    name: "batchnorm-statistics-merge",
    buffers: [
      input("partial", "f32"),
      ...["mean", "variance"].map((n) => output(n, "f32")),
      ...(running ? RUNNING : []),
    ],
    params: { rows, segments, segmentRows, ...running?.params },
    globals: `fn size(s: u32) -> f32 { return f32(min(p.segmentRows, p.rows - s * p.segmentRows)); }`,
    count: channels,
    body: `  let first = partial[i];
  var shift = 0.0;
  for (var s = 0u; s < p.segments; s++) { shift += size(s) * (partial[s * p.count + i] - first); }
  let channelMean = first + shift / f32(p.rows);
  var m2 = 0.0;
  for (var s = 0u; s < p.segments; s++) {
    let deviation = partial[s * p.count + i] - channelMean;
    m2 += partial[(p.segments + s) * p.count + i] + size(s) * deviation * deviation;
  }
  mean[i] = channelMean;
  variance[i] = m2 / f32(p.rows);${running ? `\n${running.body}` : ""}`,
    flops: channels * segments * 6,
    bytes: channels * (segments + 1) * 8,
  });
  return { kernels: [partial, merge], scratch: [2 * channels * segments] };
}

const RUNNING = ["runningMean", "runningVariance"].map((name) => output(name, "f32"));

/** Statements that update running statistics from `mean[i]` and `variance[i]`. */
function runningUpdate(rows: number, momentum: number) {
  return {
    params: { momentum: { f32: momentum }, unbias: { f32: rows > 1 ? rows / (rows - 1) : 1 } },
    body: `  runningMean[i] += p.momentum * (mean[i] - runningMean[i]);
  runningVariance[i] += p.momentum * (variance[i] * p.unbias - runningVariance[i]);`,
  };
}

/** Work items that still fill a large GPU; beyond them an invocation takes several rows. */
const ENOUGH_ITEMS = 16384;
const MAX_ROWS_PER_ITEM = 8;

interface PixelwiseParts {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Declarations in terms of the element type `T`. */
  readonly globals?: string;
  /** Statements on the channels `c`, once an invocation. */
  readonly channel: string;
  /** Value of the output at the element `at` of these channels. */
  readonly value: string;
  readonly flops: number;
  /** Full-size buffers among inputs and output. */
  readonly passes: number;
}

/** A kernel over all elements; each invocation goes over every n-th row of its channels. */
function pixelwise({ rows, channels }: BatchNormSpec, parts: PixelwiseParts): Kernel {
  const width = channels % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  const perRow = channels / width;
  const wanted = Math.floor((rows * perRow) / ENOUGH_ITEMS);
  const rowsPerItem = Math.max(1, Math.min(MAX_ROWS_PER_ITEM, wanted));
  return defineKernel({
    name: parts.name,
    buffers: [...parts.inputs.map((n) => input(n, element)), output(parts.output, element)],
    params: { channels: perRow, total: rows * perRow, ...parts.params },
    globals: `alias T = ${element};
${parts.globals ?? ""}`,
    count: Math.ceil(rows / rowsPerItem) * perRow,
    body: `  let c = i % p.channels;
${parts.channel}
  for (var at = i; at < p.total; at += p.count) {
    ${parts.output}[at] = ${parts.value};
  }`,
    flops: rows * channels * parts.flops,
    bytes: rows * channels * 4 * parts.passes,
  });
}

function slopeParam(slope: number | undefined): Record<string, ParamValue> {
  return slope === undefined ? {} : { slope: { f32: slope } };
}

/** NaN stays NaN, as in the activations' own kernels. */
const LEAKY = "fn leaky(v: T) -> T { return select(v, v * p.slope, v < T(0.0)); }";

/** A gradient of the output, `gradY[at]`, as that of batch norm's own output. */
function throughActivation(slope: number | undefined, zero: string): string {
  return slope === undefined
    ? "gradY[at]"
    : `select(gradY[at] * p.slope, gradY[at], y[at] > ${zero})`;
}

/**
 * y = (x − mean) / √(variance + eps) · gamma + beta, then the activation, with batch statistics in training
 * and running ones in inference. Bindings: x, mean, variance, gamma, beta, y.
 */
export function batchNormNormalize(spec: BatchNormLayerSpec): Kernel {
  const { eps, slope } = spec;
  const normal = "(x[at] - m) * scale + shift";
  return pixelwise(spec, {
    name: `batchnorm-normalize${slope === undefined ? "" : "-leaky"}`,
    inputs: ["x", "mean", "variance", "gamma", "beta"],
    output: "y",
    params: { eps: { f32: eps }, ...slopeParam(slope) },
    channel: `  let m = mean[c];
  let scale = inverseSqrt(variance[c] + p.eps) * gamma[c];
  let shift = beta[c];`,
    globals: slope === undefined ? "" : LEAKY,
    value: slope === undefined ? normal : `leaky(${normal})`,
    flops: 4,
    passes: 2,
  });
}

/**
 * Running statistics in place, PyTorch's way: r ← (1 − momentum)·r + momentum·batch, with the unbiased
 * variance. Bindings: batch mean, batch variance (biased), running mean, running variance.
 */
export function batchNormUpdateRunning(
  spec: BatchNormSpec & { readonly momentum: number },
): Kernel {
  const { rows, channels, momentum } = spec;
  const { params, body } = runningUpdate(rows, momentum);
  return defineKernel({
    name: "batchnorm-running",
    buffers: [...["mean", "variance"].map((n) => input(n, "f32")), ...RUNNING],
    params,
    count: channels,
    body,
    flops: channels * 7,
    bytes: channels * 24,
  });
}

/**
 * Gradients to gamma and beta. Bindings of the first dispatch: gradient of y, x, mean, variance, with an
 * activation y, scratch; of the second: scratch, gradient of gamma, gradient of beta, and both one after
 * the other for `batchNormBackwardInput`.
 */
export function batchNormBackwardParameters(spec: BatchNormLayerSpec): ReducePlan {
  const { rows, channels, eps, slope } = spec;
  const { segments, segmentRows } = segmentsOf(spec);
  const inputs = ["gradY", "x", "mean", "variance", ...(slope === undefined ? [] : ["y"])];
  const partial = defineKernel({
    name: `batchnorm-backward-sums${slope === undefined ? "" : "-leaky"}`,
    buffers: [...inputs.map((n) => input(n, "f32")), output("partial", "f32")],
    params: {
      rows,
      channels,
      segmentRows,
      eps: { f32: eps },
      ...slopeParam(slope),
    },
    count: channels * segments,
    body: `${segmentPrologue}
  let m = mean[c];
${segmentTotal(["sum", "dot"], ["g", "g * (x[at] - m)"], `      let g = ${throughActivation(slope, "0.0")};\n`)}
  partial[i] = dot * inverseSqrt(variance[c] + p.eps);
  partial[p.count + i] = sum;`,
    flops: rows * channels * 4,
    bytes: rows * channels * 4 * (slope === undefined ? 2 : 3),
  });
  const merge = defineKernel({
    name: "batchnorm-backward-merge",
    buffers: [
      input("partial", "f32"),
      ...["gradGamma", "gradBeta", "sums"].map((n) => output(n, "f32")),
    ],
    params: { segments },
    count: channels,
    body: `  var dot = 0.0;
  var sum = 0.0;
  for (var s = 0u; s < p.segments; s++) {
    dot += partial[s * p.count + i];
    sum += partial[(p.segments + s) * p.count + i];
  }
  gradGamma[i] = dot;
  gradBeta[i] = sum;
  sums[i] = dot;
  sums[p.count + i] = sum;`,
    flops: channels * segments * 2,
    bytes: channels * (segments + 2) * 8,
  });
  return { kernels: [partial, merge], scratch: [2 * channels * segments] };
}

/**
 * Gradient to x through batch statistics: gamma/√(variance + eps) · (g − gradBeta/rows − x̂·gradGamma/rows),
 * g being the gradient before the activation. Bindings: gradient of y, x, mean, variance, gamma, sums of
 * `batchNormBackwardParameters`, with an activation y, gradient of x: eight, the most that every device has.
 */
export function batchNormBackwardInput(spec: BatchNormLayerSpec): Kernel {
  const { rows, eps, slope } = spec;
  const inputs = ["gradY", "x", "mean", "variance", "gamma", "sums"];
  const g = throughActivation(slope, "T(0.0)");
  return pixelwise(spec, {
    name: `batchnorm-backward-input${slope === undefined ? "" : "-leaky"}`,
    inputs: [...inputs, ...(slope === undefined ? [] : ["y"])],
    output: "gradX",
    params: {
      eps: { f32: eps },
      perRow: { f32: 1 / rows },
      ...slopeParam(slope),
    },
    channel: `  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);
  let scale = gamma[c] * inverse;
  let byGamma = sums[c] * inverse * p.perRow;
  let byBeta = sums[p.channels + c] * p.perRow;`,
    value: `scale * (${g} - byBeta - (x[at] - m) * byGamma)`,
    flops: 8,
    passes: slope === undefined ? 3 : 4,
  });
}

/**
 * Gradient to x with given statistics: gamma/√(variance + eps) · g. Bindings: gradient of y, variance,
 * gamma, with an activation y, gradient of x.
 */
export function batchNormBackwardInference(spec: BatchNormLayerSpec): Kernel {
  const { eps, slope } = spec;
  return pixelwise(spec, {
    name: `batchnorm-backward-inference${slope === undefined ? "" : "-leaky"}`,
    inputs: ["gradY", "variance", "gamma", ...(slope === undefined ? [] : ["y"])],
    output: "gradX",
    params: { eps: { f32: eps }, ...slopeParam(slope) },
    channel: "  let scale = inverseSqrt(variance[c] + p.eps) * gamma[c];",
    value: `${throughActivation(slope, "T(0.0)")} * scale`,
    flops: 2,
    passes: slope === undefined ? 2 : 3,
  });
}
