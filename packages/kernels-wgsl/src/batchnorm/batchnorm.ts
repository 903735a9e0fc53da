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
import { LANES, threadsOf } from "./cpu-lanes.js";

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
 *
 * A GPU's rows lie a whole grid apart, so that neighbours read side by side. A CPU adapter runs eight invocations as one, and
 * these go through a chunk of memory in a row; with rows far apart, and at most eight of them to what is loaded once,
 * normalisation took 46 and its gradient 97 ms of processor time of a step of eight images of 320×320 (MobileNet-0.25,
 * the layers in several dispatches), in chunks 28 and 51 (llvmpipe, Mesa 25.0.7, in turn on a busy machine, 2026-11-30).
 */
const ITEMS = {
  gpu: { enough: 16384, most: 8 },
  software: { enough: 1024, most: 64 },
} as const;
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
  const rows = Array.from({ length: UNROLLED }, (_, row) => `at + ${row}u * p.step`);
  return [
    ...rows.map((at, row) => `    let y${row} = ${value(at)};`),
    ...rows.map((at, row) => `    ${target}[${at}] = y${row};`),
  ].join("\n");
}

/** How `total` elements, `perRow` of them a row, are dealt out. */
function dealOut(total: number, perRow: number, software: boolean) {
  const { enough, most } = ITEMS[software ? "software" : "gpu"];
  const each = Math.max(1, Math.min(most, Math.floor(total / enough)));
  if (!software) {
    const count = Math.ceil(total / perRow / each) * perRow;
    return { count, step: count, chunk: total };
  }
  const step = perRow * Math.ceil(LANES / perRow);
  const chunk = step * each;
  return { count: Math.ceil(total / chunk) * step, step, chunk };
}

/** A kernel over all elements; each invocation takes every `step`-th of a chunk, which are of the same channels. */
function pixelwise(spec: BatchNormSpec, parts: PixelwiseParts): Kernel {
  const { rows, channels, software = false } = spec;
  const width = channels % 4 === 0 ? 4 : 1;
  const element = scalarOrVector("f32", width);
  const perRow = channels / width;
  const total = rows * perRow;
  const { count, step, chunk } = dealOut(total, perRow, software);
  return defineKernel({
    name: parts.name,
    buffers: [...parts.inputs.map((n) => input(n, element)), output(parts.output, element)],
    params: { channels: perRow, total, step, chunk, ...parts.params },
    globals: `alias T = ${element};
${parts.globals ?? ""}`,
    count,
    ...threadsOf(spec),
    body: `  let c = i % p.channels;
${parts.channel}
  let begin = i / p.step * p.chunk;
  let end = min(begin + p.chunk, p.total);
  var at = begin + i % p.step;
  for (; at + ${UNROLLED - 1}u * p.step < end; at += ${UNROLLED}u * p.step) {
${unrolled(parts)}
  }
  for (; at < end; at += p.step) {
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
