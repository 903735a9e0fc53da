/**
 * Implicit GEMM with tiles in workgroup memory, for GPUs; a convolution of one group.
 *
 * A workgroup of 64 invocations computes `pixels × channels` outputs, 64 × 64, 128 × 32 or
 * 256 × 16; an invocation 8 × 8 of them, kept in registers. The reduction over kernel taps and
 * input channels goes in chunks of 16, 8 or 4: each invocation brings four input channels of four
 * pixels to workgroup memory, turned so that four pixels of one channel are a vec4, and its share
 * of the weights; then every product of a chunk costs 4 vec4f reads for 64 multiply-adds.
 *
 * Workgroup memory: at most 8 KiB. The tile was chosen by arithmetic, not by measurement: no GPU
 * was at hand (2026-11). Its results are tested on CPU adapters, where it is slow (barriers between
 * invocations that run one after another).
 */
import {
  bindingsWgsl,
  enablesWgsl,
  epilogueWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  loadQuad,
  outputPixels,
  PARAMS_WGSL,
} from "./forward.js";
import { packedLayout } from "./layout.js";
import type { Conv2dLaunch, Conv2dSpec } from "./spec.js";

const WORKGROUP = 64;
const SIDE = 8;

/** Tile sizes that follow from the channels of a tile. */
interface Tile {
  readonly channels: 16 | 32 | 64;
  readonly pixels: number;
  /** Products of the reduction in a chunk. */
  readonly depth: number;
}

function tileFor(outChannels: number): Tile {
  const channels = outChannels <= 16 ? 16 : outChannels <= 32 ? 32 : 64;
  return { channels, pixels: (WORKGROUP * SIDE * SIDE) / channels, depth: channels / 4 };
}

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n");
}

/** Brings a chunk of inputs and weights to workgroup memory. */
function loadChunk(text: ForwardText, { channels, pixels, depth }: Tile): string {
  const quads = depth / 4;
  const weights = (depth * channels) / 4;
  const load = (i: number): string => `
      {
        let y = y_first${i} + tap_y;
        let x = x_first${i} + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image${i} * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x${i} = select(vec4f(), ${loadQuad(text, "at", "channel")}, inside);
      }`;
  return /* wgsl */ `
      let quad = chunk * ${quads}u + lane % ${quads}u;
      let tap = min(quad / quads_per_tap, taps - 1u);
      let channel = select(0u, quad % quads_per_tap * 4u, quad < all_quads);
      let tap_y = tap / p.kernel_w * p.dilation_y;
      let tap_x = tap % p.kernel_w * p.dilation_x;
      var x0: vec4f;
      var x1: vec4f;
      var x2: vec4f;
      var x3: vec4f;${lines(4, load)}
      let turned = transpose(mat4x4f(x0, x1, x2, x3));
${lines(4, (k) => `inputs[(lane % ${quads}u * 4u + ${k}u) * ${pixels / 4}u + pixel_group] = turned[${k}];`)}
      for (var i = lane; i < ${weights}u; i += ${WORKGROUP}u) {
        let row = chunk * ${depth}u + i / ${channels / 4}u;
        let exists = row < all_quads * 4u;
        let at = block + (1u + select(0u, row, exists)) * ${channels / 4}u + i % ${channels / 4}u;
        weights[i] = select(vec4f(), packed[at], exists);
      }`;
}

/** The 64 products of one step of the reduction. */
function multiply({ channels, pixels }: Tile): string {
  return /* wgsl */ `
        let x_low = inputs[k * ${pixels / 4}u + row * 2u];
        let x_high = inputs[k * ${pixels / 4}u + row * 2u + 1u];
        let w_low = weights[k * ${channels / 4}u + column * 2u];
        let w_high = weights[k * ${channels / 4}u + column * 2u + 1u];
${lines(SIDE, (i) => {
  const x = `vec4f(${i < 4 ? "x_low" : "x_high"}[${i % 4}])`;
  return `s${i}_0 = fma(${x}, w_low, s${i}_0);\ns${i}_1 = fma(${x}, w_high, s${i}_1);`;
})}`;
}

function tiledWgsl(text: ForwardText, tile: Tile): string {
  const { channels, pixels, depth } = tile;
  const columns = channels / SIDE;
  return /* wgsl */ `${enablesWgsl(text)}${PARAMS_WGSL}${bindingsWgsl(text)}${epilogueWgsl(text)}
var<workgroup> inputs: array<vec4f, ${(pixels * depth) / 4}>;
var<workgroup> weights: array<vec4f, ${(channels * depth) / 4}>;

@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * ${pixels}u;
  let block = workgroup.y * (p.block_stride / 4u);
  let taps = p.kernel_h * p.kernel_w;
  let quads_per_tap = (p.in_per_group + 3u) / 4u;
  let all_quads = taps * quads_per_tap;
  let pixel_group = lane / ${depth / 4}u;
${lines(
  4,
  (i) => `
  let pixel${i} = min(first_pixel + pixel_group * 4u + ${i}u, p.pixels - 1u);
  let line${i} = divide(pixel${i}, p.out_w);
  let image${i} = divide(line${i}, p.out_h);
  let x_first${i} = (pixel${i} - line${i} * p.out_w) * p.stride_x - p.pad_left;
  let y_first${i} = (line${i} - image${i} * p.out_h) * p.stride_y - p.pad_top;`,
)}
  let row = lane / ${columns}u;
  let column = lane % ${columns}u;
${lines(SIDE, (i) => lines(2, (c) => `var s${i}_${c} = packed[block + column * 2u + ${c}u];`))}
  for (var chunk = 0u; chunk * ${depth / 4}u < all_quads; chunk++) {
    {${loadChunk(text, tile)}
    }
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {${multiply(tile)}
    }
    workgroupBarrier();
  }
  let channel = workgroup.y * ${channels}u + column * ${SIDE}u;
${lines(
  SIDE,
  (i) => `
  {
    let pixel = first_pixel + row * ${SIDE}u + ${i}u;
    if (pixel < p.pixels && channel < p.out_channels) {
      finish(pixel, channel, p.out_channels - channel, s${i}_0);
    }
    if (pixel < p.pixels && channel + 4u < p.out_channels) {
      finish(pixel, channel + 4u, p.out_channels - channel - 4u, s${i}_1);
    }
  }`,
)}
}
`;
}

/** Launch of the tiled implicit GEMM, for a spec of one group. */
export function conv2dTiled(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  const tile = tileFor(spec.outChannels);
  const layout = packedLayout(spec, { block: tile.channels, padChannels: true, transposed });
  const text = forwardText(spec, 4);
  const kernel = { variant: "tiled", wgsl: tiledWgsl(text, tile), text };
  const tiles = Math.ceil(outputPixels(spec) / tile.pixels);
  return forwardLaunch(spec, layout, kernel, (blocks) => gridWorkgroups(tiles, blocks));
}
