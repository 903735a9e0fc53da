/**
 * Batch normalisation over the last axis (NHWC channels) of a tensor seen as [rows, channels].
 *
 * Everything here is elementwise; the sums over rows are in `batchnorm-sums.ts`.
 *
 * A leaky ReLU that follows is part of the same kernels: a pass over memory fewer in each direction. Its
 * derivative is told by the sign of its output, which is computed again where x is at hand. Elementwise kernels give
 * an invocation several rows of the same channels, so that it loads the channels' numbers once.
 */

import { defineKernel, input, output, scalarOrVector } from "../define.js";
import type { Kernel, ParamValue } from "../kernel.js";
import { beforeActivation, LEAKY, slopeParam, throughActivation } from "./activation.js";

/** A contiguous tensor as rows of channels: rows = N·H·W. */
export interface BatchNormSpec {
  readonly rows: number;
  readonly channels: number;
  /** The adapter runs shaders on the CPU. */
  readonly software?: boolean;
}

/** A batch norm with what follows it. */
export interface BatchNormLayerSpec extends BatchNormSpec {
  readonly eps: number;
  /** Slope of the leaky ReLU that follows, at least 0; absent: none does. */
  readonly slope?: number;
}

/**
 * Work items that still fill a large GPU, and a CPU adapter; beyond them an invocation takes several rows, four at a
 * turn of its loop. On llvmpipe a turn costs more than what it does (2026-11-29, on a busy machine: normalisation and
 * its gradient took 59 of 353 ms of processor time of a training step with a row a turn, 32 of 258 since).
 */
const ENOUGH_ITEMS = { gpu: 16384, software: 1024 } as const;
const MAX_ROWS_PER_ITEM = 8;
const UNROLLED = 4;

interface PixelwiseParts {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Declarations in terms of the element type `T`. */
  readonly globals?: string;
  /** Statements on the channels `c`, once an invocation. */
  readonly channel: string;
  /** Value of the output at an element of these channels. */
  readonly value: (at: string) => string;
  readonly flops: number;
  /** Full-size buffers among inputs and output. */
  readonly passes: number;
}

/** Statements on several rows: all are read before the first is written. */
function unrolled({ output: target, value }: PixelwiseParts): string {
  const rows = Array.from({ length: UNROLLED }, (_, row) => `at + ${row}u * p.count`);
  return [
    ...rows.map((at, row) => `    let y${row} = ${value(at)};`),
    ...rows.map((at, row) => `    ${target}[${at}] = y${row};`),
  ].join("\n");
}

/** A kernel over all elements; each invocation goes over every n-th row of its channels. */
function pixelwise({ rows, channels, software }: BatchNormSpec, parts: PixelwiseParts): Kernel {
  const width = channels % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  const perRow = channels / width;
  const enough = ENOUGH_ITEMS[software ? "software" : "gpu"];
  const wanted = Math.floor((rows * perRow) / enough);
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
  var at = i;
  for (; at + ${UNROLLED - 1}u * p.count < p.total; at += ${UNROLLED}u * p.count) {
${unrolled(parts)}
  }
  for (; at < p.total; at += p.count) {
    ${parts.output}[at] = ${parts.value("at")};
  }`,
    flops: rows * channels * parts.flops,
    bytes: rows * channels * 4 * parts.passes,
  });
}

/**
 * y = (x − mean) / √(variance + eps) · gamma + beta, then the activation, with batch statistics in training
 * and running ones in inference. Bindings: x, mean, variance, gamma, beta, y.
 */
export function batchNormNormalize(spec: BatchNormLayerSpec): Kernel {
  const { eps, slope } = spec;
  const normal = (at: string) => `(x[${at}] - m) * scale + shift`;
  return pixelwise(spec, {
    name: `batchnorm-normalize${slope === undefined ? "" : "-leaky"}`,
    inputs: ["x", "mean", "variance", "gamma", "beta"],
    output: "y",
    params: { eps: { f32: eps }, ...slopeParam(slope) },
    channel: `  let m = mean[c];
  let scale = inverseSqrt(variance[c] + p.eps) * gamma[c];
  let shift = beta[c];`,
    globals: slope === undefined ? "" : LEAKY,
    value: (at) => (slope === undefined ? normal(at) : `leaky(${normal(at)})`),
    flops: 4,
    passes: 2,
  });
}

/**
 * Gradient to x through batch statistics: gamma/√(variance + eps) · (g − gradBeta/rows − x̂·gradGamma/rows),
 * g being the gradient before the activation. Bindings: gradient of y, x, mean, variance, gamma, sums of
 * `batchNormBackwardParameters`, with an activation beta, gradient of x: eight, the most that every device has.
 */
export function batchNormBackwardInput(spec: BatchNormLayerSpec): Kernel {
  const { rows, eps, slope } = spec;
  const inputs = ["gradY", "x", "mean", "variance", "gamma", "sums"];
  const g = (at: string) => beforeActivation(slope, `gradY[${at}]`, `(x[${at}] - m)`);
  return pixelwise(spec, {
    name: `batchnorm-backward-input${slope === undefined ? "" : "-leaky"}`,
    inputs: [...inputs, ...(slope === undefined ? [] : ["beta"])],
    output: "gradX",
    params: {
      eps: { f32: eps },
      perRow: { f32: 1 / rows },
      ...slopeParam(slope),
    },
    channel: `  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);
  let scale = inverse * gamma[c];
${slope === undefined ? "" : "  let shift = beta[c];"}
  let byGamma = sums[c] * inverse * p.perRow;
  let byBeta = sums[p.channels + c] * p.perRow;`,
    value: (at) => `scale * (${g(at)} - byBeta - (x[${at}] - m) * byGamma)`,
    flops: 8,
    passes: 3,
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
    value: (at) => `${throughActivation(slope, at)} * scale`,
    flops: 2,
    passes: slope === undefined ? 2 : 3,
  });
}
