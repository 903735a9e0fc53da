import type { Kernel } from "../kernel.js";
import { linearWorkgroups, packParams } from "../kernel.js";
import type { Conv2dSpec } from "./spec.js";

/**
 * How OIHW weights and bias are packed: blocks of `block` output channels of one group, each block
 * `[bias][kernel tap][input channel][block]`, zero where a channel does not exist, and each block
 * padded to `blockStride` elements.
 *
 * "Output" and "input" are those of the kernel that reads the packed weights. `transposed` packing
 * takes them from weights whose output and input are swapped, and turns the taps round: with it
 * the gradient towards the input of a stride-1 convolution is a convolution of the gradient.
 */
export interface PackedLayout {
  readonly groups: number;
  /** Output channels of a group. */
  readonly outPerGroup: number;
  /** Input channels of a group. */
  readonly inPerGroup: number;
  readonly taps: number;
  /** Output channels of a block. */
  readonly block: number;
  readonly transposed: boolean;
  readonly blocksPerGroup: number;
  /** Elements from one block to the next, a multiple of 64. */
  readonly blockStride: number;
  /** Elements of all blocks. */
  readonly length: number;
}

/** How a launch wants its weights: see `PackedLayout`. */
export interface PackOptions {
  readonly transposed?: boolean;
  /** One group whose blocks have one input channel. */
  readonly depthwise?: boolean;
}

/** The layout of the weights for the kernel that runs `spec`. */
export function packedLayout(
  spec: Conv2dSpec,
  block: number,
  options: PackOptions = {},
): PackedLayout {
  const transposed = options.transposed ?? false;
  const groups = options.depthwise ? 1 : spec.groups;
  const outPerGroup = spec.outChannels / groups;
  const inPerGroup = options.depthwise ? 1 : spec.inChannels / groups;
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  const blocksPerGroup = Math.ceil(outPerGroup / block);
  const blockStride = Math.ceil((block * (1 + taps * inPerGroup)) / 64) * 64;
  const length = blockStride * blocksPerGroup * groups;
  return {
    groups,
    outPerGroup,
    inPerGroup,
    taps,
    block,
    transposed,
    blocksPerGroup,
    blockStride,
    length,
  };
}

const PACK_WGSL = /* wgsl */ `
struct Params {
  length: u32,
  block: u32,
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

fn value(i: u32) -> f32 {
  let block = i / p.block_stride;
  let group = block / p.blocks_per_group;
  let in_block = i % p.block_stride;
  let lane = in_block % p.block;
  let row = in_block / p.block;
  let out_channel = (block % p.blocks_per_group) * p.block + lane;
  if (out_channel >= p.out_per_group || row > p.taps * p.in_per_group) {
    return 0.0;
  }
  if (row == 0u) {
    if (p.has_bias == 0u) {
      return 0.0;
    }
    return bias[group * p.out_per_group + out_channel];
  }
  let tap = (row - 1u) / p.in_per_group;
  let in_channel = (row - 1u) % p.in_per_group;
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
  const weights = layout.groups * layout.outPerGroup * layout.inPerGroup * layout.taps;
  return {
    name: "conv2d/pack",
    wgsl: PACK_WGSL,
    bindings: ["read", "read", "read_write"],
    params: packParams([
      layout.length,
      layout.block,
      layout.blockStride,
      layout.blocksPerGroup,
      layout.outPerGroup,
      layout.inPerGroup,
      layout.taps,
      layout.transposed ? 1 : 0,
      hasBias ? 1 : 0,
    ]),
    workgroups: linearWorkgroups(layout.length / 64),
    flops: 0,
    bytes: 4 * (weights + layout.length),
  };
}
