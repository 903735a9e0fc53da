/**
 * Winograd's F(2×2, 3×3) (Lavin and Gray 2016), for GPUs: 3×3 of stride 1 with 16 multiply-adds for four outputs, where
 * the sum over taps needs 36.
 *
 * A workgroup of 256 invocations computes 16 tiles of 2×2 outputs for 32 channels. In chunks of 8 input channels, 128 of
 * them transform the tiles' 4×4 patches, a row of four results each (Bᵀ takes two rows of the patch for one of its own, so
 * that no partial results need be exchanged), and leave them in workgroup memory. Then the 16 places of a patch are 16
 * matrix products, each of 16 invocations: an invocation adds up 4 tiles × 8 channels, of 4 vec4f from workgroup memory
 * and 8 of transformed weights from storage for 128 multiply-adds. At the end sums go through the same 8 KiB, 8 channels at
 * a time, to the invocations that transform them back.
 *
 * Weights are transformed when they are packed, 16 numbers for 9. It adds no error here, as its sums are shorter, of 64
 * products instead of 576: 64→64 channels of normal numbers on 80×80, sums of up to 8.4, are off by 1.3e-6 at most and
 * 2.7e-7 (rms), those of the other kernels by 7.1e-6 and 9.6e-7 (llvmpipe, 2026-11-29).
 *
 * The tuner (`measureKernels`) may choose it, the rules never do. On llvmpipe (Mesa 25.0.7, two cores, in turn with the others beside
 * much other work, 2026-11-29) it takes 0.6 to 0.7 times as long as `tiled-small`, with which it shares what slows it there,
 * barriers, and 4 to 5 times as long as `subgroup-gemm`, which is what runs there. It has not been timed on a GPU yet.
 * F(4×4, 3×3), which the engine for processors has, multiplies 2.25 times less often still, but 36 places of 4 tiles × 8
 * channels need more registers or workgroup memory than WebGPU guarantees.
 */
import { type Kernel, linearWorkgroups, packParams } from "../../kernel.js";
import type { PackedLayout } from "../shared/layout.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  conv2dOutputSize,
  isDense3x3,
} from "../shared/spec.js";
import { lines } from "../shared/text.js";
import { epilogueWgsl } from "./epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  loadQuad,
  paramsWgsl,
} from "./forward.js";

const WORKGROUP = 256;
const TILES = 16;
const CHANNELS = 32;
/** Input channels of a chunk. */
const DEPTH = 8;
/** Places of a patch. */
const PLACES = 16;
const SHARED_BYTES = PLACES * TILES * DEPTH * 4;

/** Whether the spec is a 3×3 of stride 1 and the adapter has room for it. */
export function isWinograd(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return (
    spec.groups === 1 &&
    isDense3x3(spec) &&
    traits.maxInvocations >= WORKGROUP &&
    traits.maxWorkgroupStorage >= SHARED_BYTES
  );
}

const FIELDS = ["tiles: u32", "tiles_y: u32", "tiles_x: u32", "depth: u32"];

function loadWgsl(text: ForwardText): string {
  return /* wgsl */ `
fn load(image: u32, y: u32, x: u32, quad: u32) -> vec4f {
  let inside = y < p.in_h && x < p.in_w && quad < p.in_per_group;
  let channel = select(0u, quad, inside);
  let at = select(0u, (image * p.in_h + y) * p.in_w + x, inside) * p.in_stride + p.in_offset;
  return select(vec4f(), ${loadQuad(text, "at", "channel")}, inside);
}
`;
}

/** A row of BᵀdB for the invocation's tile and four channels. */
const TRANSFORM_INPUT = /* wgsl */ `
    if (lane < ${TILES * DEPTH}u) {
      let channel = chunk + quad * 4u;
${lines(
  4,
  (x) => `      let d${x} = fma(
        vec4f(sign),
        load(image, y_first + below, x_first + ${x}u, channel),
        load(image, y_first + above, x_first + ${x}u, channel),
      );`,
)}
      let at = (row * 4u * ${TILES}u + tile) * 2u + quad;
      cells[at] = d0 - d2;
      cells[at + ${2 * TILES}u] = d1 + d2;
      cells[at + ${4 * TILES}u] = d2 - d1;
      cells[at + ${6 * TILES}u] = d1 - d3;
    }`;

/** The products of four input channels. */
const MULTIPLY = /* wgsl */ `
${lines(4, (t) => `      let v${t} = cells[own + ${2 * t}u + q];`)}
${lines(
  4,
  (k) => `      let u${k} = packed[weights + ${(k * CHANNELS) / 4}u];
      let w${k} = packed[weights + ${(k * CHANNELS) / 4 + 1}u];
${lines(4, (t) => `      m${t} = fma(vec4f(v${t}[${k}]), u${k}, m${t});\n      n${t} = fma(vec4f(v${t}[${k}]), w${k}, n${t});`)}`,
)}`;

/** A row of AᵀmA for one tile and four channels, with bias. */
const TRANSFORM_OUTPUT = /* wgsl */ `
    if (lane < ${TILES * 4}u) {
      let part = lane / 2u % 2u;
      let lower = lane % 2u;
      let index = first_tile + lane / 4u;
      let line = divide(index, p.tiles_x);
      let image = divide(line, p.tiles_y);
      let y = (line - image * p.tiles_y) * 2u + lower;
      let x = (index - line * p.tiles_x) * 2u;
      let outer = select(0u, 12u, lower == 1u);
      let side = select(1.0, -1.0, lower == 1u);
      let at = lane / 4u * 2u + part;
${lines(
  4,
  (j) => `      let s${j} = fma(
        vec4f(side),
        cells[${(8 + j) * 2 * TILES}u + at] + cells[(outer + ${j}u) * ${2 * TILES}u + at],
        cells[${(4 + j) * 2 * TILES}u + at],
      );`,
)}
      let bias = packed[block + group * 2u + part];
      let channel = workgroup.y * ${CHANNELS}u + group * 8u + part * 4u;
      if (index < p.tiles && y < p.out_h && channel < p.out_channels) {
        let pixel = (image * p.out_h + y) * p.out_w + x;
        let count = p.out_channels - channel;
        finish(pixel, channel, count, s0 + s1 + s2 + bias);
        if (x + 1u < p.out_w) {
          finish(pixel + 1u, channel, count, s1 - s2 - s3 + bias);
        }
      }
    }`;

function winogradWgsl(text: ForwardText): string {
  return /* wgsl */ `${enablesWgsl(text)}${paramsWgsl(text, FIELDS)}${bindingsWgsl(text)}${epilogueWgsl(text)}${loadWgsl(text)}
var<workgroup> cells: array<vec4f, ${SHARED_BYTES / 16}>;

@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_tile = (workgroup.x + workgroup.z * workgroups.x) * ${TILES}u;
  let block = workgroup.y * (p.block_stride / 4u);
  let tile = lane / 8u % ${TILES}u;
  let quad = lane / 4u % 2u;
  let row = lane % 4u;
  let index = min(first_tile + tile, p.tiles - 1u);
  let line = divide(index, p.tiles_x);
  let image = divide(line, p.tiles_y);
  let y_first = (line - image * p.tiles_y) * 2u - p.pad_top;
  let x_first = (index - line * p.tiles_x) * 2u - p.pad_left;
  let above = select(select(1u, 2u, row == 2u), 0u, row == 0u);
  let below = select(select(2u, 1u, row == 2u), 3u, row == 3u);
  let sign = select(-1.0, 1.0, row == 1u);
  let place = lane / 16u;
  let own = (place * ${TILES}u + lane / 4u % 4u * 4u) * 2u;
  let column = lane % 4u;
${lines(4, (t) => `  var m${t}: vec4f;\n  var n${t}: vec4f;`)}
  for (var chunk = 0u; chunk < p.depth; chunk += ${DEPTH}u) {${TRANSFORM_INPUT}
    workgroupBarrier();
    for (var q = 0u; q < 2u; q++) {
      let channel = place * p.depth + chunk + q * 4u;
      let weights = block + (channel + 1u) * ${CHANNELS / 4}u + column * 2u;${MULTIPLY}
    }
    workgroupBarrier();
  }
  for (var group = 0u; group < 4u; group++) {
    if (column == group) {
${lines(4, (t) => `      cells[own + ${2 * t}u] = m${t};\n      cells[own + ${2 * t + 1}u] = n${t};`)}
    }
    workgroupBarrier();${TRANSFORM_OUTPUT}
    workgroupBarrier();
  }
}
`;
}

const PACK_WGSL = /* wgsl */ `
struct Params {
  length: u32,
  block_stride: u32,
  depth: u32,
  out_channels: u32,
  in_channels: u32,
  transposed: u32,
  has_bias: u32,
}
@group(0) @binding(0) var<storage, read> weight: array<f32>;
@group(0) @binding(1) var<storage, read> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> packed: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;

fn tap(out_channel: u32, in_channel: u32, at: u32) -> f32 {
  if (p.transposed == 1u) {
    return weight[(in_channel * p.out_channels + out_channel) * 9u + 8u - at];
  }
  return weight[(out_channel * p.in_channels + in_channel) * 9u + at];
}

fn transformed(row: u32, a: f32, b: f32, c: f32) -> f32 {
  let middle = 0.5 * (a + select(-b, b, row == 1u) + c);
  return select(select(middle, c, row == 3u), a, row == 0u);
}

fn value(i: u32) -> f32 {
  let in_block = i % p.block_stride;
  let out_channel = i / p.block_stride * ${CHANNELS}u + in_block % ${CHANNELS}u;
  if (out_channel >= p.out_channels) {
    return 0.0;
  }
  if (in_block < ${CHANNELS}u) {
    return select(0.0, bias[out_channel], p.has_bias == 1u);
  }
  let channel = in_block / ${CHANNELS}u - 1u;
  let in_channel = channel % p.depth;
  let place = channel / p.depth;
  if (in_channel >= p.in_channels) {
    return 0.0;
  }
  var rows: array<f32, 3>;
  for (var y = 0u; y < 3u; y++) {
    let first = tap(out_channel, in_channel, y * 3u);
    let middle = tap(out_channel, in_channel, y * 3u + 1u);
    let last = tap(out_channel, in_channel, y * 3u + 2u);
    rows[y] = transformed(place % 4u, first, middle, last);
  }
  return transformed(place / 4u, rows[0], rows[1], rows[2]);
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

/** Blocks of 32 output channels: their biases, then the transformed weights by place and input channel. */
function winogradLayout({ inChannels, outChannels }: Conv2dSpec, depth: number): PackedLayout {
  const blocks = Math.ceil(outChannels / CHANNELS);
  const blockStride = Math.ceil((CHANNELS * (1 + PLACES * depth)) / 64) * 64;
  const written = blocks * blockStride;
  return {
    options: { block: CHANNELS },
    groups: 1,
    outPerGroup: outChannels,
    inPerGroup: inChannels,
    taps: PLACES,
    blocksPerGroup: blocks,
    blockStride,
    blocksPerSlice: blocks,
    biasOffset: written,
    written,
    length: written,
  };
}

/** Transforms OIHW weights. Bindings: weight, bias, packed. */
function packKernel(
  { outPerGroup, inPerGroup, written, blockStride }: PackedLayout,
  { depth, transposed, hasBias }: { depth: number; transposed: boolean; hasBias: boolean },
): Kernel {
  const flags = [transposed ? 1 : 0, hasBias ? 1 : 0];
  return {
    name: "conv2d/pack-winograd",
    wgsl: PACK_WGSL,
    bindings: ["read", "read", "read_write"],
    params: packParams([written, blockStride, depth, outPerGroup, inPerGroup, ...flags]),
    workgroups: linearWorkgroups(written / 64),
    flops: 0,
    bytes: 4 * (outPerGroup * inPerGroup * 9 + written),
  };
}

/** Launch of F(2×2, 3×3), for a spec that `isWinograd`. */
export function conv2dWinograd(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  const depth = Math.ceil(spec.inChannels / DEPTH) * DEPTH;
  const layout = winogradLayout(spec, depth);
  const [height, width] = conv2dOutputSize(spec);
  const [tilesY, tilesX] = [height, width].map((side) => Math.ceil(side / 2));
  const tiles = spec.batch * tilesY * tilesX;
  const text = forwardText(spec, 4);
  const kernel = { variant: "winograd", wgsl: winogradWgsl(text), text };
  const workgroupsOf = (blocks: number) => gridWorkgroups(Math.ceil(tiles / TILES), blocks);
  const more = [tiles, tilesY, tilesX, depth];
  return {
    ...forwardLaunch(spec, layout, kernel, workgroupsOf, { more }),
    pack: (hasBias) => packKernel(layout, { depth, transposed, hasBias }),
  };
}
