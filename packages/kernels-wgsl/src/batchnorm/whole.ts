/**
 * A small batch norm in one dispatch on a CPU adapter: an invocation takes all rows of its channel, first for the sums,
 * then for the result, which without would be three dispatches forward and three backward.
 *
 * There a dispatch costs as much as going over some ten thousand elements, and most layers of a network are that small.
 * A workgroup is one vector of 8 invocations, so that a processor's threads have some workgroups each; beyond `MOST_ROWS`
 * the many segments of `sums.ts` win. The statements are those of the kernels that this stands for, and nothing is shared
 * between invocations. The mean is that of the distances to the first row: an invocation merges hundreds of eights, and a
 * mean of ten thousand deviations would lose a digit by that. Two or four channels an invocation ran no faster and took
 * two and four times as long to compile.
 *
 * MobileNet-0.25 at 320×320, llvmpipe (Mesa 25.0.7), 2026-11-29, two busy cores: 578 dispatches of a training step become
 * 394, the smallest of 12 times of each dispatch together 186 → 164 ms, of which batch norm 56 → 28.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { affinePrologue, beforeActivation, LEAKY, slopeParam } from "./activation.js";
import type { BatchNormLayerSpec } from "./batchnorm.js";
import { LANES } from "./cpu-lanes.js";
import { eachRow, gradientSums, overRows, runningUpdate, statistics } from "./rows.js";

/** Of one invocation. */
const MOST_ROWS = 1 << 13;
/** Storage buffers of the backward kernel: one more than every device has. */
const BUFFERS = 9;

/** What decides whether one dispatch does it. */
export interface WholeBatchNorm {
  readonly rows: number;
  readonly channels: number;
  readonly software: boolean;
  /** `maxStorageBuffersPerShaderStage` of the device. */
  readonly storageBuffers: number;
}

/** Whether a batch norm with its batch's statistics is expected to be fastest in one dispatch each way. */
export function isWholeBatchNorm(spec: WholeBatchNorm): boolean {
  const { rows, channels, software, storageBuffers } = spec;
  return software && storageBuffers >= BUFFERS && channels > LANES && rows <= MOST_ROWS;
}

const PROLOGUE = `  let c = i;
  let begin = 0u;
  let end = p.rows;
  var at = c;`;

/** Statements that write `target` at every row; all eight are read before the first is written. */
function writeRows(target: string, value: (at: string) => string): string {
  return `  {
  at = c;
${overRows(
  (place) => `${eachRow((row) => `let y${row} = ${value(place(row))};`)}
${eachRow((row) => `${target}[${place(row)}] = y${row};`)}`,
  `    ${target}[at] = ${value("at")};`,
)}
  }`;
}

/**
 * The batch's statistics, running ones with `momentum`, and the normalised values through the activation. Bindings: x,
 * gamma, beta, with `momentum` the running mean and variance, updated in place, y, mean, variance.
 */
export function batchNormWhole(spec: BatchNormLayerSpec & { readonly momentum?: number }): Kernel {
  const { rows, channels, eps, slope, momentum } = spec;
  const running =
    momentum === undefined ? undefined : runningUpdate(rows, momentum, "center", "variance");
  const updated = running ? ["runningMean", "runningVariance"] : [];
  const normal = (at: string) => `(x[${at}] - center) * scale + shift`;
  return defineKernel({
    name: `batchnorm-whole${slope === undefined ? "" : "-leaky"}`,
    buffers: [
      ...["x", "gamma", "beta"].map((name) => input(name, "f32")),
      ...[...updated, "y", "means", "variances"].map((name) => output(name, "f32")),
    ],
    params: {
      rows,
      perRow: channels,
      eps: { f32: eps },
      ...slopeParam(slope),
      ...(running?.params ?? {}),
    },
    globals: `alias T = f32;
${slope === undefined ? "" : LEAKY}`,
    count: channels,
    threads: LANES,
    body: `${PROLOGUE}
  let first = x[c];
${statistics((at) => `x[${at}] - first`)}
  let center = first + mean;
  let variance = m2 / f32(p.rows);
  means[i] = center;
  variances[i] = variance;
${running?.body ?? ""}
  let scale = inverseSqrt(variance + p.eps) * gamma[c];
  let shift = beta[c];
${writeRows("y", (at) => (slope === undefined ? normal(at) : `leaky(${normal(at)})`))}`,
    flops: rows * channels * 8,
    bytes: rows * channels * 4 * 3,
  });
}

/**
 * The gradients to x, gamma and beta through the batch's statistics. Bindings: gradient of y, x, mean, variance, gamma,
 * with an activation beta, gradient of x, of gamma, of beta.
 */
export function batchNormBackwardWhole(spec: BatchNormLayerSpec): Kernel {
  const { rows, channels, eps, slope } = spec;
  const inputs = [
    "gradY",
    "x",
    "mean",
    "variance",
    "gamma",
    ...(slope === undefined ? [] : ["beta"]),
  ];
  const g = (at: string) => beforeActivation(slope, `gradY[${at}]`, `(x[${at}] - m)`);
  return defineKernel({
    name: `batchnorm-backward-whole${slope === undefined ? "" : "-leaky"}`,
    buffers: [
      ...inputs.map((name) => input(name, "f32")),
      ...["gradX", "gradGamma", "gradBeta"].map((name) => output(name, "f32")),
    ],
    params: { rows, perRow: channels, eps: { f32: eps }, ...slopeParam(slope) },
    globals: `alias T = f32;`,
    count: channels,
    threads: LANES,
    body: `${PROLOGUE}
  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);
${affinePrologue(slope)}
${gradientSums(slope)}
  let ofGamma = dot * inverse;
  gradGamma[i] = ofGamma;
  gradBeta[i] = sum;
  let share = 1.0 / f32(p.rows);
  let byGamma = ofGamma * inverse * share;
  let byBeta = sum * share;
  let factor = inverse * gamma[c];
${writeRows("gradX", (at) => `factor * (${g(at)} - byBeta - (x[${at}] - m) * byGamma)`)}`,
    flops: rows * channels * 12,
    bytes: rows * channels * 4 * 5,
  });
}
