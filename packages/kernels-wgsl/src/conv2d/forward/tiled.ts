/**
 * Implicit GEMM with tiles in workgroup memory, for GPUs; a convolution of one group.
 *
 * A workgroup of 64 invocations computes `pixels × channels` outputs, an invocation 8 × 8 of them
 * (`tiled`: 64 × 64, 128 × 32 or 256 × 16 a workgroup) or 4 × 4 (`tiled-small`: 32 × 32 or
 * 64 × 16), kept in registers. The reduction over kernel taps and input channels goes in chunks of
 * 4 to 32: each invocation brings four input channels of four pixels to workgroup memory, turned so
 * that four pixels of one channel are a vec4, and its share of the weights; then every product of a
 * chunk costs 4 vec4f reads for 64 multiply-adds, or 2 for 16.
 *
 * Large tiles need large images: a 3×3 convolution 64→32 of 40×40 pixels is 13 workgroups of `tiled`,
 * which leave most of a GPU idle and wait for memory 72 times, against 50 of `tiled-small` and 18
 * times: 0.101 ms against 0.044 on an H200 (2026-11-26). From 256 workgroups on `tiled` is taken, which
 * reads workgroup memory half as often: 3×3 64→64 of 160×160 pixels in 0.14 ms, 56% of what the
 * card's multiply-adds allow; at such sizes the two were not compared. Workgroup memory: at most 8 KiB. On CPU adapters barriers make
 * both slow (invocations run one after another).
 */

import { packedLayout } from "../shared/layout.js";
import type { Conv2dLaunch, Conv2dSpec } from "../shared/spec.js";
import { lines, once } from "../shared/text.js";
import { epilogueWgsl } from "./epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  loadQuad,
  outputPixels,
  paramsWgsl,
} from "./forward.js";

const WORKGROUP = 64;

/** Tile sizes that follow from an invocation's share and the channels of a tile. */
export interface Tile {
  /** Pixels and channels of an invocation. */
  readonly side: 4 | 8;
  readonly channels: 16 | 32 | 64;
  readonly pixels: number;
  /** Products of the reduction in a chunk. */
  readonly depth: number;
}

export function tileFor({ outChannels, second }: Conv2dSpec, side: Tile["side"]): Tile {
  const wide = side === 8 && outChannels > 32 ? 64 : 32;
  // Joined convolutions have any multiple of 16: of 48 channels no tile shall be half empty.
  const channels = outChannels <= 16 || (second && outChannels % 32 === 16) ? 16 : wide;
  const pixels = (WORKGROUP * side * side) / channels;
  return { side, channels, pixels, depth: (WORKGROUP * 16) / pixels };
}

/** Where a chunk's inputs come from: parts of the text. */
export interface TileSource {
  /** Fields of the uniform block, and functions. */
  readonly fields?: readonly string[];
  readonly functions?: string;
  /** Quads of four input channels, or taps of them, in the whole reduction. */
  readonly quads: string;
  /** Declares x0 to x3, the four channels of `quad` for the invocation's four pixels, 0 beyond `all_quads`. */
  readonly load: (text: ForwardText) => string;
}

/** The input itself, tap by tap. */
const TAPS: TileSource = {
  quads: "taps * quads_per_tap",
  load: (text) => /* wgsl */ `
      let tap = min(quad / quads_per_tap, taps - 1u);
      let channel = select(0u, quad % quads_per_tap * 4u, quad < all_quads);
      let tap_y = tap / p.kernel_w * p.dilation_y;
      let tap_x = tap % p.kernel_w * p.dilation_x;
      var x0: vec4f;
      var x1: vec4f;
      var x2: vec4f;
      var x3: vec4f;${lines(
        4,
        (i) => `
      {
        let y = y_first${i} + tap_y;
        let x = x_first${i} + tap_x;
        let inside = y < p.in_h && x < p.in_w && quad < all_quads;
        let source = select(0u, (image${i} * p.in_h + y) * p.in_w + x, inside);
        let at = source * p.in_stride + p.in_offset;
        x${i} = select(vec4f(), ${loadQuad(text, "at", "channel")}, inside);
      }`,
      )}`,
};

/** Brings a chunk of inputs and weights to workgroup memory. */
function loadChunk(
  text: ForwardText,
  { channels, pixels, depth }: Tile,
  source: TileSource,
): string {
  const quads = depth / 4;
  const weights = (depth * channels) / 4;
  return /* wgsl */ `
      let quad = chunk * ${quads}u + lane % ${quads}u;${source.load(text)}
      let turned = transpose(mat4x4f(x0, x1, x2, x3));
${lines(4, (k) => `inputs[(lane % ${quads}u * 4u + ${k}u) * ${pixels / 4}u + pixel_group] = turned[${k}];`)}
      for (var i = lane; i < ${weights}u; i += ${WORKGROUP}u) {
        let row = chunk * ${depth}u + i / ${channels / 4}u;
        let exists = row < all_quads * 4u;
        let at = block + (1u + select(0u, row, exists)) * ${channels / 4}u + i % ${channels / 4}u;
        weights[i] = select(vec4f(), packed[at], exists);
      }`;
}

/** The products of one step of the reduction. */
function multiply({ side, channels, pixels }: Tile): string {
  const vectors = side / 4;
  return /* wgsl */ `
${lines(
  vectors,
  (v) => `
        let x${v} = inputs[k * ${pixels / 4}u + row * ${vectors}u + ${v}u];
        let w${v} = weights[k * ${channels / 4}u + column * ${vectors}u + ${v}u];`,
)}
${lines(side, (i) =>
  lines(vectors, (v) => {
    const x = `x${Math.floor(i / 4)}[${i % 4}]`;
    return `s${i}_${v} = fma(vec4f(${x}), w${v}, s${i}_${v});`;
  }),
)}`;
}

/** The text of a kernel with these tiles. */
export function tiledWgsl(text: ForwardText, tile: Tile, source = TAPS): string {
  const { side, channels, pixels, depth } = tile;
  const vectors = side / 4;
  const columns = channels / side;
  return /* wgsl */ `${enablesWgsl(text)}${paramsWgsl(text, source.fields)}${bindingsWgsl(text)}${epilogueWgsl(text)}${source.functions ?? ""}
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
  let all_quads = ${source.quads};
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
${lines(side, (i) =>
  lines(vectors, (v) => `var s${i}_${v} = packed[block + column * ${vectors}u + ${v}u];`),
)}
  for (var chunk = 0u; chunk * ${depth / 4}u < all_quads; chunk++) {
    {${loadChunk(text, tile, source)}
    }
    workgroupBarrier();
    for (var k = 0u; k < ${depth}u; k++) {${multiply(tile)}
    }
    workgroupBarrier();
  }
  let channel = workgroup.y * ${channels}u + column * ${side}u;
${lines(
  side,
  (i) => `
  {
    let pixel = first_pixel + row * ${side}u + ${i}u;
${lines(
  vectors,
  (v) => `
    if (pixel < p.pixels && channel + ${v * 4}u < p.out_channels) {
      finish(pixel, channel + ${v * 4}u, p.out_channels - channel - ${v * 4}u, s${i}_${v});
    }`,
)}
  }`,
)}
}
`;
}

const plainWgsl = (text: ForwardText, tile: Tile) => tiledWgsl(text, tile);

function launch(spec: Conv2dSpec, transposed: boolean, side: Tile["side"]): Conv2dLaunch {
  const tile = tileFor(spec, side);
  const layout = packedLayout(spec, { block: tile.channels, padChannels: true, transposed });
  const text = forwardText(spec, 4);
  const variant = side === 8 ? "tiled" : "tiled-small";
  const kernel = { variant, wgsl: once(plainWgsl, text, tile), text };
  const tiles = Math.ceil(outputPixels(spec) / tile.pixels);
  return forwardLaunch(spec, layout, kernel, (blocks) => gridWorkgroups(tiles, blocks));
}

/** Launch of the tiled implicit GEMM, for a spec of one group. */
export function conv2dTiled(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  return launch(spec, transposed, 8);
}

/** Launch with tiles of a quarter the outputs. */
export function conv2dTiledSmall(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  return launch(spec, transposed, 4);
}

/** Fewer workgroups than this leave a large GPU idle. */
export const ENOUGH_WORKGROUPS = 256;

/** Workgroups that large tiles come to. */
export function largeTiles(spec: Conv2dSpec): number {
  const { channels, pixels } = tileFor(spec, 8);
  return Math.ceil(outputPixels(spec) / pixels) * Math.ceil(spec.outChannels / channels);
}
