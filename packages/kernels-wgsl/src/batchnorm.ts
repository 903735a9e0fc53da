/**
 * Batch normalisation over the last axis (NHWC channels) of a tensor seen as [rows, channels].
 *
 * Statistics: every invocation takes one channel of one segment of rows and goes over it twice, first for
 * the segment's mean, then for the squared deviations from it; a second dispatch merges the segments by
 * Chan's formula, M2 = Σ M2ₛ + nₛ(meanₛ − mean)². Two passes over a short segment cost one read from memory
 * and one from cache, and stay accurate where the mean is a thousand standard deviations, where
 * E[x²] − E[x]² loses every digit. The gradient's channel sums use the same segments. Everything else is
 * elementwise. No atomics: results do not depend on scheduling.
 */
import { defineKernel, input, output, scalarOrVector } from "./define.js";
import type { Kernel } from "./kernel.js";
import { type ReducePlan, segmentCount } from "./reduce.js";

/** A contiguous tensor as rows of channels: rows = N·H·W. */
export interface BatchNormSpec {
  readonly rows: number;
  readonly channels: number;
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
 * scratch, mean, variance.
 */
export function batchNormStatistics(spec: BatchNormSpec): ReducePlan {
  const { rows, channels } = spec;
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
    buffers: [input("partial", "f32"), output("mean", "f32"), output("variance", "f32")],
    params: { rows, segments, segmentRows },
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
  variance[i] = m2 / f32(p.rows);`,
    flops: channels * segments * 6,
    bytes: channels * (segments + 1) * 8,
  });
  return { kernels: [partial, merge], scratch: [2 * channels * segments] };
}

/**
 * y = (x − mean) / √(variance + eps) · gamma + beta, with batch statistics in training and running ones in
 * inference. Bindings: x, mean, variance, gamma, beta, y.
 */
export function batchNormNormalize(spec: BatchNormSpec & { readonly eps: number }): Kernel {
  const { rows, channels, eps } = spec;
  const width = channels % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  return defineKernel({
    name: "batchnorm-normalize",
    buffers: [
      ...["x", "mean", "variance", "gamma", "beta"].map((n) => input(n, element)),
      output("y", element),
    ],
    params: { channels: channels / width, eps: { f32: eps } },
    count: (rows * channels) / width,
    body: `  let c = i % p.channels;
  y[i] = (x[i] - mean[c]) * (inverseSqrt(variance[c] + p.eps) * gamma[c]) + beta[c];`,
    flops: rows * channels * 4,
    bytes: rows * channels * 8,
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
  return defineKernel({
    name: "batchnorm-running",
    buffers: [
      input("mean", "f32"),
      input("variance", "f32"),
      output("runningMean", "f32"),
      output("runningVariance", "f32"),
    ],
    params: { momentum: { f32: momentum }, unbias: { f32: rows > 1 ? rows / (rows - 1) : 1 } },
    count: channels,
    body: `  runningMean[i] += p.momentum * (mean[i] - runningMean[i]);
  runningVariance[i] += p.momentum * (variance[i] * p.unbias - runningVariance[i]);`,
    flops: channels * 7,
    bytes: channels * 24,
  });
}

/**
 * Gradients to gamma and beta. Bindings of the first dispatch: gradient of y, x, mean, variance, scratch;
 * of the second: scratch, gradient of gamma, gradient of beta.
 */
export function batchNormBackwardParameters(
  spec: BatchNormSpec & { readonly eps: number },
): ReducePlan {
  const { rows, channels, eps } = spec;
  const { segments, segmentRows } = segmentsOf(spec);
  const partial = defineKernel({
    name: "batchnorm-backward-sums",
    buffers: [
      ...["gradY", "x", "mean", "variance"].map((n) => input(n, "f32")),
      output("partial", "f32"),
    ],
    params: { rows, channels, segmentRows, eps: { f32: eps } },
    count: channels * segments,
    body: `${segmentPrologue}
  let m = mean[c];
${segmentTotal(["sum", "dot"], ["gradY[at]", "gradY[at] * (x[at] - m)"])}
  partial[i] = dot * inverseSqrt(variance[c] + p.eps);
  partial[p.count + i] = sum;`,
    flops: rows * channels * 4,
    bytes: rows * channels * 8,
  });
  const merge = defineKernel({
    name: "batchnorm-backward-merge",
    buffers: [input("partial", "f32"), output("gradGamma", "f32"), output("gradBeta", "f32")],
    params: { segments },
    count: channels,
    body: `  var dot = 0.0;
  var sum = 0.0;
  for (var s = 0u; s < p.segments; s++) {
    dot += partial[s * p.count + i];
    sum += partial[(p.segments + s) * p.count + i];
  }
  gradGamma[i] = dot;
  gradBeta[i] = sum;`,
    flops: channels * segments * 2,
    bytes: channels * (segments + 1) * 8,
  });
  return { kernels: [partial, merge], scratch: [2 * channels * segments] };
}

/**
 * Gradient to x through batch statistics:
 * gamma/√(variance + eps) · (g − gradBeta/rows − x̂·gradGamma/rows).
 * Bindings: gradient of y, x, mean, variance, gamma, gradient of gamma, gradient of beta, gradient of x.
 */
export function batchNormBackwardInput(spec: BatchNormSpec & { readonly eps: number }): Kernel {
  const { rows, channels, eps } = spec;
  const width = channels % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  const inputs = ["gradY", "x", "mean", "variance", "gamma", "gradGamma", "gradBeta"];
  return defineKernel({
    name: "batchnorm-backward-input",
    buffers: [...inputs.map((n) => input(n, element)), output("gradX", element)],
    params: {
      channels: channels / width,
      eps: { f32: eps },
      perRow: { f32: 1 / rows },
    },
    count: (rows * channels) / width,
    body: `  let c = i % p.channels;
  let inverse = inverseSqrt(variance[c] + p.eps);
  let normal = (x[i] - mean[c]) * inverse;
  gradX[i] = gamma[c] * inverse * (gradY[i] - (gradBeta[c] + normal * gradGamma[c]) * p.perRow);`,
    flops: rows * channels * 8,
    bytes: rows * channels * 12,
  });
}
