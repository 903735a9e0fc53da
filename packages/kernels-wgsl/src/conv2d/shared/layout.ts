import type { Kernel } from "../../kernel.js";
import { linearWorkgroups, packParams } from "../../kernel.js";
import type { Conv2dSpec } from "./spec.js";

/** How a kernel wants its weights arranged. */
export interface PackOptions {
  /** Output channels of a block. */
  readonly block: number;
  /**
   * Invocations over which a block's channels are dealt: channel `lane * (block / lanes) + i` is
   * stored at `i * lanes + lane`. All of the block when absent: channels in order.
   */
  readonly lanes?: number;
  /** Consecutive input channels, or kernel taps, of one output channel that are stored together. */
  readonly quad?: "channels" | "taps";
  /** The input channels of a tap are filled up with zeros to a multiple of 4. */
  readonly padChannels?: boolean;
  /** One group whose blocks have one input channel. */
  readonly depthwise?: boolean;
  /** The bias is not a row of the blocks but a list of its own, by channel, behind them. */
  readonly biasApart?: boolean | undefined;
  /** The weights are bound as this many vec4f in a uniform buffer; all at once when absent. */
  readonly uniformVectors?: number | undefined;
  /**
   * Takes the weights from ones whose output and input are swapped, taps turned round: with it the
   * gradient towards the input of a stride-1 convolution is a convolution of the gradient.
   */
  readonly transposed?: boolean;
}

/**
 * OIHW weights and bias in blocks of output channels. A block is a list of rows of
 * `block × (quad ? 4 : 1)` elements, zero where a channel or tap does not exist: first the bias
 * (the first of each four) unless it is apart, then the weights by tap and input channel, or with
 * `quad: "taps"` by input channel and tap. "Output" and "input" are those of the kernel that reads the weights.
 */
export interface PackedLayout {
  readonly options: PackOptions;
  readonly groups: number;
  /** Output channels of a group. */
  readonly outPerGroup: number;
  /** Input channels of a group. */
  readonly inPerGroup: number;
  readonly taps: number;
  readonly blocksPerGroup: number;
  /** Elements from one block to the next, a multiple of 64. */
  readonly blockStride: number;
  /** Blocks that can be bound at once. */
  readonly blocksPerSlice: number;
  /** First element of a bias that is apart. */
  readonly biasOffset: number;
  /** Elements that packing writes. */
  readonly written: number;
  /** Elements of the buffer: what is written, and room for the last slice. */
  readonly length: number;
}

/** The layout of the weights for the kernel that runs `spec`. */
export function packedLayout(spec: Conv2dSpec, options: PackOptions): PackedLayout {
  const groups = options.depthwise ? 1 : spec.groups;
  const outPerGroup = spec.outChannels / groups;
  const inPerGroup = options.depthwise ? 1 : spec.inChannels / groups;
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  const blocksPerGroup = Math.ceil(outPerGroup / options.block);
  const blockStride = roundUp(blockElements(options, taps, inPerGroup), 64);
  const blocks = blocksPerGroup * groups;
  const biasOffset = blocks * blockStride;
  const written = biasOffset + (options.biasApart ? roundUp(blocks * options.block, 64) : 0);
  const bound = (options.uniformVectors ?? 0) * 4;
  const blocksPerSlice = bound > 0 ? Math.floor(bound / blockStride) : blocks;
  const lastSlice = Math.floor((blocks - 1) / blocksPerSlice) * blocksPerSlice * blockStride;
  return {
    options,
    groups,
    outPerGroup,
    inPerGroup,
    taps,
    blocksPerGroup,
    blockStride,
    blocksPerSlice,
    biasOffset,
    written,
    length: Math.max(written, lastSlice + bound),
  };
}

function roundUp(n: number, step: number): number {
  return Math.ceil(n / step) * step;
}

function blockElements(options: PackOptions, taps: number, inPerGroup: number): number {
  const { block, quad, padChannels, biasApart } = options;
  const bias = biasApart ? 0 : 1;
  if (quad === "channels") return 4 * block * (bias + taps * Math.ceil(inPerGroup / 4));
  if (quad === "taps") return 4 * block * (bias + inPerGroup * Math.ceil(taps / 4));
  return block * (bias + taps * (padChannels ? roundUp(inPerGroup, 4) : inPerGroup));
}

const PACK_WGSL = /* wgsl */ `
struct Params {
  length: u32,
  bias_offset: u32,
  bias_rows: u32,
  block: u32,
  lanes: u32,
  quad: u32,
  pad: u32,
  taps_inner: u32,
  block_stride: u32,
  blocks_per_group: u32,
  out_per_group: u32,
  in_per_group: u32,
  taps: u32,
  transposed: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn bias_value(group: u32, out_channel: u32) -> f32 {
  if (p.has_bias == 0u || out_channel >= p.out_per_group) {
    return 0.0;
  }
  return bias[group * p.out_per_group + out_channel];
}

fn value(i: u32) -> f32 {
  if (i >= p.bias_offset) {
    return bias_value(0u, i - p.bias_offset);
  }
  let block = i / p.block_stride;
  let group = block / p.blocks_per_group;
  let in_block = i % p.block_stride;
  let item = in_block % p.quad;
  let place = in_block / p.quad % p.block;
  let row = in_block / (p.quad * p.block);
  let lane_channel = place % p.lanes * (p.block / p.lanes) + place / p.lanes;
  let out_channel = (block % p.blocks_per_group) * p.block + lane_channel;
  if (out_channel >= p.out_per_group) {
    return 0.0;
  }
  if (row < p.bias_rows) {
    return select(0.0, bias_value(group, out_channel), item == 0u);
  }
  let inner = select(p.in_per_group, p.taps, p.taps_inner == 1u);
  let rows_per_outer = (inner + p.pad - 1u) / p.pad * (p.pad / p.quad);
  let outer_index = (row - p.bias_rows) / rows_per_outer;
  let inner_index = (row - p.bias_rows) % rows_per_outer * p.quad + item;
  let tap = select(outer_index, inner_index, p.taps_inner == 1u);
  let in_channel = select(inner_index, outer_index, p.taps_inner == 1u);
  if (tap >= p.taps || in_channel >= p.in_per_group) {
    return 0.0;
  }
  if (p.transposed == 1u) {
    let source = (group * p.in_per_group + in_channel) * p.out_per_group + out_channel;
    return weight[source * p.taps + (p.taps - 1u - tap)];
  }
  let source = (group * p.out_per_group + out_channel) * p.in_per_group + in_channel;
  return weight[source * p.taps + tap];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (workgroup.x + workgroup.y * workgroups.x) * 64u + lane;
  if (i < p.length) {
    packed[i] = value(i);
  }
}
`;

/** The kernel that packs OIHW weights and bias. Bindings: weight, bias, packed. */
export function packKernel(layout: PackedLayout, hasBias: boolean): Kernel {
  const { block, lanes = block, quad, padChannels, biasApart, transposed } = layout.options;
  const weights = layout.groups * layout.outPerGroup * layout.inPerGroup * layout.taps;
  return {
    name: "conv2d/pack",
    wgsl: PACK_WGSL,
    bindings: ["read", "read", "read_write"],
    params: packParams([
      layout.written,
      layout.biasOffset,
      biasApart ? 0 : 1,
      block,
      lanes,
      quad ? 4 : 1,
      quad || padChannels ? 4 : 1,
      quad === "taps" ? 1 : 0,
      layout.blockStride,
      layout.blocksPerGroup,
      layout.outPerGroup,
      layout.inPerGroup,
      layout.taps,
      transposed ? 1 : 0,
      hasBias ? 1 : 0,
    ]),
    workgroups: linearWorkgroups(layout.written / 64),
    flops: 0,
    bytes: 4 * (weights + layout.written),
  };
}
