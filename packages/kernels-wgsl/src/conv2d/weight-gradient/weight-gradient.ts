/**
 * What the kernels of the gradients towards weight and bias share.
 *
 * Both gradients are sums over all output pixels of `gradOutput × input` (for the bias, with an
 * input of 1). The pixels are cut into slices that run in parallel and write their sums to a
 * scratch buffer; a second kernel adds the slices with compensation (Kahan). No atomics: the
 * result does not depend on the order of execution.
 */
import type { Kernel } from "../../kernel.js";
import { linearWorkgroups, packParams, type Workgroups } from "../../kernel.js";
import { type Conv2dSpec, conv2dBytes, conv2dFlops, conv2dOutputSize } from "../shared/spec.js";

const WORKGROUP = 64;

/** Bounds the scratch buffer (elements) unless one slice alone needs more. */
const MAX_SCRATCH = 4 << 20;

/** The gradients of weight and bias: `"dispatches" in gradient` tells which kind. */
export type Conv2dWeightGradient = SlicedWeightGradient | ChainedWeightGradient;

/** A dispatch and what it binds: tensors by their roles, temporary buffers by their places in `scratch`. */
export interface WeightGradientDispatch {
  readonly kernel: Kernel;
  readonly operands: readonly (
    | "input"
    | "gradient"
    | "weight"
    | "bias"
    | { readonly scratch: number }
  )[];
}

/** The gradients of weight and bias as dispatches one after the other. */
export interface ChainedWeightGradient {
  readonly variant: string;
  /** Elements of the temporary buffers. */
  readonly scratch: readonly number[];
  /** They write the gradient of the weight (OIHW) and that of the bias. */
  readonly dispatches: readonly WeightGradientDispatch[];
}

/** The gradients of weight and bias as two dispatches. */
export interface SlicedWeightGradient {
  readonly variant: string;
  /** Elements of the scratch buffer between the two. */
  readonly scratchLength: number;
  /** Bindings: input, gradOutput, scratch. */
  readonly partial: Kernel;
  /**
   * Bindings: scratch, gradWeight (OIHW), gradBias (any buffer of at least 16 bytes when there is
   * no bias; it is then left alone).
   */
  readonly finish: (hasBias: boolean) => Kernel;
  /**
   * Both at once, where there is one slice and the variant can: nothing is added up then, nor copied. Bindings: input,
   * gradOutput, gradWeight (OIHW), gradBias.
   */
  readonly direct?: Kernel;
}

/** How a kernel of partial sums cuts up its work. */
export interface PartialKernel {
  readonly variant: string;
  readonly wgsl: string;
  readonly features?: Kernel["features"];
  readonly workgroups: Workgroups;
  readonly slices: number;
  /** What a slice is made of, in the kernel's own unit. */
  readonly sliceSize: number;
  /** A number for the kernel: how it divides channels, or a loop count that must not be unrolled. */
  readonly block: number;
  /** The slices are added up by workgroups, for GPUs, instead of an invocation a sum. */
  readonly sharedSum?: boolean;
  /** The text of a kernel of one slice that writes both gradients where they belong. */
  readonly directWgsl?: string;
}

/** The uniform block of the kernels of partial sums. */
const PARAMS_STRUCT_WGSL = /* wgsl */ `
struct Params {
  pixels: u32,
  lines: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_w: u32,
  taps: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block: u32,
  slice_size: u32,
}
`;

/** The same behind the three bindings of a kernel of partial sums. */
export const PARTIAL_PARAMS_WGSL = `${PARAMS_STRUCT_WGSL}@group(0) @binding(3) var<uniform> p: Params;
`;

/** The same behind the four of one that writes the gradients themselves. */
export const DIRECT_PARAMS_WGSL = `${PARAMS_STRUCT_WGSL}@group(0) @binding(4) var<uniform> p: Params;
`;

/** Workgroups of a kernel of partial sums that keep a large GPU busy. */
export const ENOUGH_WORKGROUPS = 2048;

/** WGSL: a pixel of a slice, as many after its first as `place` says, and its column, line and image. */
export function pixelAt(place: string): string {
  return `var pixel = begin + ${place};
  let line = pixel / p.out_w;
  var x = pixel - line * p.out_w;
  var image = line / p.out_h;
  var y = line - image * p.out_h;`;
}

/** WGSL that goes on from that pixel, without dividing. */
export function stepPixel(by: string): string {
  return `pixel += ${by};
  x += ${by};
  while (x >= p.out_w) {
    x -= p.out_w;
    y++;
    if (y == p.out_h) {
      y = 0u;
      image++;
    }
  }`;
}

const FINISH_COMMON_WGSL = /* wgsl */ `
struct Params {
  weights: u32,
  length: u32,
  slices: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> scratch: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> bias: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn sum_slices(i: u32, first: u32, step: u32) -> f32 {
  var sum = 0.0;
  var lost = 0.0;
  for (var slice = first; slice < p.slices; slice += step) {
    let value = scratch[slice * p.length + i] - lost;
    let next = sum + value;
    lost = (next - sum) - value;
    sum = next;
  }
  return sum;
}

fn store(i: u32, sum: f32) {
  if (i < p.weights) {
    weight[i] = sum;
  } else if (p.has_bias == 1u) {
    bias[i - p.weights] = sum;
  }
}
`;

const FINISH_WGSL = /* wgsl */ `${FINISH_COMMON_WGSL}
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * ${WORKGROUP}u + lane;
  if (i >= p.length) {
    return;
  }
  store(i, sum_slices(i, 0u, 1u));
}
`;

/** Sums of a workgroup, and invocations that share each. */
const SHARED_SUMS = 8;
const SHARERS = 32;

const SHARED_FINISH_WGSL = /* wgsl */ `${FINISH_COMMON_WGSL}
var<workgroup> parts: array<f32, ${SHARED_SUMS * SHARERS}>;

@compute @workgroup_size(${SHARED_SUMS * SHARERS})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * ${SHARED_SUMS}u + lane % ${SHARED_SUMS}u;
  if (i < p.length) {
    parts[lane] = sum_slices(i, lane / ${SHARED_SUMS}u, ${SHARERS}u);
  }
  for (var half = ${SHARERS / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half * ${SHARED_SUMS}u) {
      parts[lane] += parts[lane + half * ${SHARED_SUMS}u];
    }
  }
  if (lane < ${SHARED_SUMS}u && i < p.length) {
    store(i, parts[lane]);
  }
}
`;

/** How `total` pixels or lines are cut into slices, about as many as `wanted`. */
export function cutSlices(
  spec: Conv2dSpec,
  total: number,
  wanted: number,
): Pick<PartialKernel, "slices" | "sliceSize"> {
  const most = Math.max(1, Math.floor(MAX_SCRATCH / gradientLength(spec)));
  const sliceSize = Math.ceil(total / Math.min(most, wanted));
  return { slices: Math.ceil(total / sliceSize), sliceSize };
}

/** Elements that a slice writes: the weights in OIHW order, then one a channel for the bias. */
export function gradientLength(spec: Conv2dSpec): number {
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  return spec.outChannels * (taps * (spec.inChannels / spec.groups) + 1);
}

/** The launch of a kernel of partial sums and the one that adds them. */
export function weightGradientLaunch(
  spec: Conv2dSpec,
  partial: PartialKernel,
): SlicedWeightGradient {
  const length = gradientLength(spec);
  const { slices, sharedSum = false, directWgsl } = partial;
  const kernel: Kernel = {
    name: `conv2d/${partial.variant}`,
    wgsl: partial.wgsl,
    bindings: ["read", "read", "read_write"],
    params: partialParams(spec, partial),
    workgroups: partial.workgroups,
    flops: conv2dFlops(spec),
    bytes: conv2dBytes(spec),
    ...(partial.features ? { features: partial.features } : {}),
  };
  const direct = slices === 1 && directWgsl !== undefined;
  return {
    variant: partial.variant,
    scratchLength: slices * length,
    partial: kernel,
    ...(direct
      ? { direct: { ...kernel, wgsl: directWgsl, bindings: [...kernel.bindings, "read_write"] } }
      : {}),
    finish: (hasBias) => ({
      name: "conv2d/weight-gradient-sum",
      wgsl: sharedSum ? SHARED_FINISH_WGSL : FINISH_WGSL,
      bindings: ["read", "read_write", "read_write"],
      params: packParams([length - spec.outChannels, length, slices, hasBias ? 1 : 0]),
      workgroups: linearWorkgroups(length / (sharedSum ? SHARED_SUMS : WORKGROUP)),
      flops: slices * length,
      bytes: 4 * (slices + 1) * length,
    }),
  };
}

function partialParams(spec: Conv2dSpec, { block, sliceSize }: PartialKernel): ArrayBuffer {
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  const outPerGroup = spec.outChannels / spec.groups;
  return packParams([
    spec.batch * outHeight * outWidth,
    spec.batch * outHeight,
    outHeight,
    outWidth,
    spec.outChannels,
    spec.outStride ?? spec.outChannels,
    spec.outOffset ?? 0,
    spec.inHeight,
    spec.inWidth,
    spec.inStride ?? spec.inChannels,
    spec.inOffset ?? 0,
    spec.kernelSize[1],
    spec.kernelSize[0] * spec.kernelSize[1],
    ...spec.stride,
    ...spec.dilation,
    spec.padding[0],
    spec.padding[2],
    outPerGroup,
    spec.inChannels / spec.groups,
    Math.ceil(outPerGroup / block),
    block,
    sliceSize,
  ]);
}
