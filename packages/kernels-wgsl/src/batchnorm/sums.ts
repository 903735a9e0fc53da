/**
 * Sums over the rows of a batch norm: the batch's statistics, and the gradients to gamma and beta.
 *
 * Every invocation takes four channels of one segment of rows (one, where their number is no multiple of four),
 * eight rows at a time. For the statistics it takes the eight's mean and squared deviations and merges them with
 * what it has by Chan's formula, M2 = M2ₐ + M2ᵦ + δ²·nₐnᵦ/n, as segments are merged afterwards: one read of each
 * element, and accurate where the mean is a thousand standard deviations, where E[x²] − E[x]² loses every digit. No
 * atomics, no barriers: results do not depend on scheduling.
 *
 * Until 2026-11-29 an invocation had one channel and went over its segment twice. Of a training step of MobileNet-0.25
 * at 320×320 the statistics and the gradients' sums then took 52 of 353 ms of processor time on llvmpipe, which is
 * bound by loads and by the cost of a loop's turn; since then 20 of 258 (both on a busy machine).
 *
 * Many short segments keep a GPU busy (819,200 rows of 8 channels are 4,096 × 8 invocations), but one
 * invocation merging all of a channel would then take longer than the sums. So a dispatch between merges about
 * as many segments as it leaves: 4,096 become 64, and 64 one. Until 2026-11-26 there were at most 256 segments
 * and no such dispatch: on an H200 the statistics of a training step (8 images of 640×640, 47 layers) then took
 * 18.9 ms and their merging 7.7 ms of 136 ms, the gradients' sums 17.0 and 4.5 ms. A CPU adapter has two or so threads to keep
 * busy: at most 64 segments, and no dispatch between, which took 12 ms of processor time of a step of eight images of
 * 320×320; statistics of longer segments took 18 ms instead of 25 (llvmpipe, in turn on a busy machine, 2026-11-30).
 */

import { type BufferSpec, defineKernel, input, output, scalarOrVector } from "../define.js";
import type { Kernel, ParamValue } from "../kernel.js";
import { type ReducePlan, segmentCount } from "../reduce/reduce.js";
import { affinePrologue, slopeParam } from "./activation.js";
import type { BatchNormLayerSpec, BatchNormSpec } from "./batchnorm.js";
import { threadsOf } from "./cpu-lanes.js";
import { gradientSums, runningUpdate, statistics } from "./rows.js";

/** Rows cut into segments: all but the last have `segmentRows`. */
interface Segments {
  readonly segments: number;
  readonly segmentRows: number;
}

/** Beyond so many segments each should have at least so many rows, and there are no more than so many. */
const FEW_SEGMENTS = 256;
const ROWS_PER_SEGMENT = 128;
const MOST_SEGMENTS = 4096;
/** Segments that one invocation merges; of more, a dispatch between makes fewer. */
const MERGED_AT_ONCE = 64;

/** On CPU adapters: invocations that keep the threads busy. */
const ENOUGH_INVOCATIONS = 1024;

function segmentsOf(spec: BatchNormSpec): Segments {
  const { rows, channels, software } = spec;
  const most = software
    ? Math.min(MERGED_AT_ONCE, Math.ceil((ENOUGH_INVOCATIONS * widthOf(spec)) / channels))
    : MOST_SEGMENTS;
  const useful = Math.max(FEW_SEGMENTS, Math.floor(rows / ROWS_PER_SEGMENT));
  const wanted = Math.min(segmentCount(channels, rows), useful, most);
  const segmentRows = Math.ceil(rows / wanted);
  return { segments: Math.ceil(rows / segmentRows), segmentRows };
}

/** What the dispatches after the first leave: of many segments fewer, then all rows in one. */
function mergeSteps(rows: number, { segments, segmentRows }: Segments): Segments[] {
  const whole = { segments: 1, segmentRows: rows };
  if (segments <= MERGED_AT_ONCE) return [whole];
  const foldedRows = Math.ceil(Math.sqrt(segments)) * segmentRows;
  return [{ segments: Math.ceil(rows / foldedRows), segmentRows: foldedRows }, whole];
}

/** Channels that an invocation takes at once. */
function widthOf({ channels }: BatchNormSpec): 1 | 4 {
  return channels % 4 === 0 ? 4 : 1;
}

/** The place of an invocation: the channels `c` and the rows `begin` ≤ r < `end` of its segment, the first at `at`. */
const segmentPrologue = `  let c = i % p.perRow;
  let begin = i / p.perRow * p.segmentRows;
  let end = min(begin + p.segmentRows, p.rows);
  var at = begin * p.perRow + c;`;

/** How partial results of segments become those of larger ones; the last ones go where the caller wants them. */
interface Merge {
  readonly name: string;
  /** Statements on the segments `begin` ≤ s < `end` of channel `c`; `first(s)` and `second(s)` are a segment's two. */
  readonly body: string;
  /** WGSL of the two results. */
  readonly results: readonly [string, string];
  readonly last: { readonly buffers: readonly BufferSpec[]; readonly store: string };
  readonly params?: Readonly<Record<string, ParamValue>>;
}

function mergeKernel(spec: BatchNormSpec, from: Segments, to: Segments, merge: Merge): Kernel {
  const { rows, channels } = spec;
  const { name, body, results, last, params } = merge;
  const isLast = to.segments === 1;
  const store = `  merged[i] = ${results[0]};
  merged[p.count + i] = ${results[1]};`;
  return defineKernel({
    name: `${name}-${isLast ? "merge" : "fold"}`,
    buffers: [input("partial", "f32"), ...(isLast ? last.buffers : [output("merged", "f32")])],
    params: {
      rows,
      channels,
      ...from,
      span: Math.ceil(to.segmentRows / from.segmentRows),
      ...(isLast ? params : {}),
    },
    globals: `fn size(s: u32) -> f32 { return f32(min(p.segmentRows, p.rows - s * p.segmentRows)); }
fn first(s: u32, c: u32) -> f32 { return partial[s * p.channels + c]; }
fn second(s: u32, c: u32) -> f32 { return partial[(p.segments + s) * p.channels + c]; }`,
    count: channels * to.segments,
    ...threadsOf(spec),
    body: `  let c = i % p.channels;
  let begin = i / p.channels * p.span;
  let end = min(begin + p.span, p.segments);
${body}
${isLast ? last.store : store}`,
    flops: channels * from.segments * 6,
    bytes: channels * (from.segments + to.segments) * 8,
  });
}

/** The dispatch that makes partial results, and those that merge them. */
function planOf(
  spec: BatchNormSpec,
  segments: Segments,
  partial: Kernel,
  merge: Merge,
): ReducePlan {
  const kernels = [partial];
  const scratch: number[] = [];
  let from = segments;
  for (const to of mergeSteps(spec.rows, segments)) {
    scratch.push(2 * spec.channels * from.segments);
    kernels.push(mergeKernel(spec, from, to, merge));
    from = to;
  }
  return { kernels, scratch };
}

const RUNNING = ["runningMean", "runningVariance"].map((name) => output(name, "f32"));

/**
 * Mean and biased variance of every channel. Bindings of the first dispatch: x, scratch; of one between:
 * scratch, scratch; of the last: scratch, mean, variance, and with `momentum` the running mean and variance,
 * updated in place as `batchNormUpdateRunning` does.
 */
export function batchNormStatistics(
  spec: BatchNormSpec & { readonly momentum?: number },
): ReducePlan {
  const { rows, channels, momentum } = spec;
  const running = momentum === undefined ? undefined : runningUpdate(rows, momentum);
  const segments = segmentsOf(spec);
  const width = widthOf(spec);
  const element = scalarOrVector("f32", width);
  const partial = defineKernel({
    name: "batchnorm-statistics",
    buffers: [input("x", element), output("partial", element)],
    params: { rows, perRow: channels / width, segmentRows: segments.segmentRows },
    globals: `alias T = ${element};`,
    count: (channels / width) * segments.segments,
    ...threadsOf(spec),
    body: `${segmentPrologue}
${statistics((at) => `x[${at}]`)}
  partial[i] = mean;
  partial[p.count + i] = m2;`,
    flops: rows * channels * 4,
    bytes: rows * channels * 4,
  });
  return planOf(spec, segments, partial, {
    name: "batchnorm-statistics",
    body: `  let base = first(begin, c);
  var shift = 0.0;
  var count = 0.0;
  for (var s = begin; s < end; s++) {
    shift += size(s) * (first(s, c) - base);
    count += size(s);
  }
  let center = base + shift / count;
  var m2 = 0.0;
  for (var s = begin; s < end; s++) {
    let deviation = first(s, c) - center;
    m2 += second(s, c) + size(s) * deviation * deviation;
  }`,
    results: ["center", "m2"],
    last: {
      buffers: [...["mean", "variance"].map((n) => output(n, "f32")), ...(running ? RUNNING : [])],
      store: `  mean[i] = center;
  variance[i] = m2 / f32(p.rows);${running ? `\n${running.body}` : ""}`,
    },
    ...(running ? { params: running.params } : {}),
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
 * activation gamma and beta, scratch; of one between: scratch, scratch; of the last: scratch, gradient of gamma, gradient
 * of beta, and both one after the other for `batchNormBackwardInput`.
 */
export function batchNormBackwardParameters(spec: BatchNormLayerSpec): ReducePlan {
  const { rows, channels, eps, slope } = spec;
  const segments = segmentsOf(spec);
  const width = widthOf(spec);
  const element = scalarOrVector("f32", width);
  const affine = slope === undefined ? [] : ["gamma", "beta"];
  const inputs = ["gradY", "x", "mean", "variance", ...affine];
  const partial = defineKernel({
    name: `batchnorm-backward-sums${slope === undefined ? "" : "-leaky"}`,
    buffers: [...inputs.map((n) => input(n, element)), output("partial", element)],
    params: {
      rows,
      perRow: channels / width,
      segmentRows: segments.segmentRows,
      eps: { f32: eps },
      ...slopeParam(slope),
    },
    globals: `alias T = ${element};`,
    count: (channels / width) * segments.segments,
    ...threadsOf(spec),
    body: `${segmentPrologue}
  let m = mean[c];
  let inverse = inverseSqrt(variance[c] + p.eps);
${affinePrologue(slope)}
${gradientSums(slope)}
  partial[i] = dot * inverse;
  partial[p.count + i] = sum;`,
    flops: rows * channels * 4,
    bytes: rows * channels * 4 * 2,
  });
  return planOf(spec, segments, partial, {
    name: "batchnorm-backward",
    body: `  var dot = 0.0;
  var sum = 0.0;
  for (var s = begin; s < end; s++) {
    dot += first(s, c);
    sum += second(s, c);
  }`,
    results: ["dot", "sum"],
    last: {
      buffers: ["gradGamma", "gradBeta", "sums"].map((n) => output(n, "f32")),
      store: `  gradGamma[i] = dot;
  gradBeta[i] = sum;
  sums[i] = dot;
  sums[p.count + i] = sum;`,
    },
  });
}
