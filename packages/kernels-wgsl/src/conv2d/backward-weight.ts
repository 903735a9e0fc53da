/**
 * Gradients of a convolution towards its weight and bias.
 *
 * Both are sums over all output pixels of `gradOutput × input`; the bias is treated as one more
 * row whose input is 1. The pixels are cut into slices that run in parallel; a slice adds up runs
 * of at most 64 products before it adds those to its total, and a second kernel adds the slices
 * with compensation. No atomics: the result does not depend on the order of execution.
 *
 * One invocation of the first kernel computes four output channels of one row (tap, input
 * channel); a workgroup is 64 rows, and the output's gradient has one address for all of them.
 */
import type { Kernel } from "../kernel.js";
import { linearWorkgroups, packParams } from "../kernel.js";
import { type Conv2dSpec, conv2dBytes, conv2dFlops, conv2dOutputSize } from "./spec.js";

const WORKGROUP = 64;
const BLOCK = 4;
const RUN = 64;
const PIXELS_PER_SLICE = 512;
/** Bounds the scratch buffer (elements) unless one slice alone needs more. */
const MAX_SCRATCH = 4 << 20;

/** The gradients of weight and bias as two dispatches. */
export interface Conv2dWeightGradient {
  /** Elements of the scratch buffer between the two. */
  readonly scratchLength: number;
  /** Bindings: input, gradOutput, scratch. */
  readonly partial: Kernel;
  /**
   * Bindings: scratch, gradWeight (OIHW), gradBias (any buffer of at least 16 bytes when there is
   * no bias; it is then left alone).
   */
  readonly finish: (hasBias: boolean) => Kernel;
}

const PARTIAL_WGSL = /* wgsl */ `
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
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
  out_channels: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  pixels_per_slice: u32,
}
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rows = p.taps * p.in_per_group;
  let row = workgroup.x * ${WORKGROUP}u + lane;
  let is_bias = row >= rows;
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * ${BLOCK}u;
  let top = min(${BLOCK}u, p.out_per_group - first) - 1u;
  let out_channel = group * p.out_per_group + first;
  let tap = row / p.in_per_group;
  let in_channel = p.in_offset + group * p.in_per_group + row % p.in_per_group;
  let tap_y = i32(tap / p.kernel_w * p.dilation_y) - i32(p.pad_top);
  let tap_x = i32(tap % p.kernel_w * p.dilation_x) - i32(p.pad_left);

  let begin = workgroup.z * p.pixels_per_slice;
  let end = min(begin + p.pixels_per_slice, p.pixels);
  var total = vec4f();
  for (var run = begin; run < end; run += ${RUN}u) {
    var sum = vec4f();
    for (var pixel = run; pixel < min(run + ${RUN}u, end); pixel++) {
      let image = pixel / (p.out_w * p.out_h);
      let y = u32(i32((pixel / p.out_w) % p.out_h * p.stride_y) + tap_y);
      let x = u32(i32(pixel % p.out_w * p.stride_x) + tap_x);
      let at = pixel * p.out_stride + p.out_offset + out_channel;
      let g = vec4f(
        gradient[at],
        gradient[at + min(1u, top)],
        gradient[at + min(2u, top)],
        gradient[at + min(3u, top)],
      );
      if (is_bias) {
        sum += g;
      } else if (y < p.in_h && x < p.in_w) {
        let source = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + in_channel;
        sum = fma(vec4f(input[source]), g, sum);
      }
    }
    total += sum;
  }
  if (row > rows) {
    return;
  }
  let slice = workgroup.z * (rows + 1u) * p.out_channels;
  for (var i = 0u; i <= top; i++) {
    let bias_at = rows * p.out_channels + out_channel + i;
    let weight_at = ((out_channel + i) * p.in_per_group + row % p.in_per_group) * p.taps + tap;
    scratch[slice + select(weight_at, bias_at, is_bias)] = total[i];
  }
}
`;

const FINISH_WGSL = /* wgsl */ `
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
  var sum = 0.0;
  var lost = 0.0;
  for (var slice = 0u; slice < p.slices; slice++) {
    let value = scratch[slice * p.length + i] - lost;
    let next = sum + value;
    lost = (next - sum) - value;
    sum = next;
  }
  if (i < p.weights) {
    weight[i] = sum;
  } else if (p.has_bias == 1u) {
    bias[i - p.weights] = sum;
  }
}
`;

/** The gradients of weight and bias of a convolution whose output had the gradient `gradOutput`. */
export function conv2dBackwardWeight(spec: Conv2dSpec): Conv2dWeightGradient {
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  const pixels = spec.batch * outHeight * outWidth;
  const inPerGroup = spec.inChannels / spec.groups;
  const outPerGroup = spec.outChannels / spec.groups;
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  const rows = taps * inPerGroup;
  const weights = rows * spec.outChannels;
  const length = weights + spec.outChannels;
  const maxSlices = Math.max(1, Math.floor(MAX_SCRATCH / length));
  const wanted = Math.min(maxSlices, Math.ceil(pixels / PIXELS_PER_SLICE));
  const pixelsPerSlice = Math.ceil(pixels / wanted);
  const slices = Math.ceil(pixels / pixelsPerSlice);
  const blocksPerGroup = Math.ceil(outPerGroup / BLOCK);
  return {
    scratchLength: slices * length,
    partial: {
      name: "conv2d/weight-gradient",
      wgsl: PARTIAL_WGSL,
      bindings: ["read", "read", "read_write"],
      params: packParams([
        pixels,
        outHeight,
        outWidth,
        spec.outStride ?? spec.outChannels,
        spec.outOffset ?? 0,
        spec.inHeight,
        spec.inWidth,
        spec.inStride ?? spec.inChannels,
        spec.inOffset ?? 0,
        spec.kernelSize[1],
        taps,
        ...spec.stride,
        ...spec.dilation,
        spec.padding[0],
        spec.padding[2],
        spec.outChannels,
        outPerGroup,
        inPerGroup,
        blocksPerGroup,
        pixelsPerSlice,
      ]),
      workgroups: [Math.ceil((rows + 1) / WORKGROUP), spec.groups * blocksPerGroup, slices],
      flops: conv2dFlops(spec),
      bytes: conv2dBytes(spec),
    },
    finish: (hasBias) => ({
      name: "conv2d/weight-gradient-sum",
      wgsl: FINISH_WGSL,
      bindings: ["read", "read_write", "read_write"],
      params: packParams([weights, length, slices, hasBias ? 1 : 0]),
      workgroups: linearWorkgroups(length / WORKGROUP),
      flops: slices * length,
      bytes: 4 * (slices + 1) * length,
    }),
  };
}
