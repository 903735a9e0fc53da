/**
 * Depthwise 3×3 for CPU adapters, stride 1 or 2: every input value is loaded once (but for the
 * seams between tiles) and reaches the neighbouring columns by subgroup shuffle.
 *
 * A workgroup is one subgroup of 8 invocations: 8 columns, 4 channels. It walks down the rows and
 * carries the sums of the output rows that are not complete yet. With stride 1 a lane loads one
 * column, and the outermost lanes only feed their neighbours: 6 columns a tile; with stride 2 a
 * lane loads an even and an odd column: 7 output columns a tile.
 *
 * Why: see `subgroup-gemm.ts`; a vec4f loaded by 8 lanes costs 33 ns on llvmpipe, as much as 100
 * multiply-adds, so nine loads for nine products (`depthwise.ts`) leave the arithmetic idle. The
 * weights are in a uniform buffer because there a load in the text costs 3 ms of compilation
 * instead of 30.
 */

import { type PackedLayout, packedLayout } from "../shared/layout.js";
import { type Conv2dLaunch, type Conv2dSpec, conv2dOutputSize } from "../shared/spec.js";
import { once } from "../shared/text.js";
import { epilogueWgsl } from "./epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  inputAt,
  PARAMS_WGSL,
} from "./forward.js";

const LANES = 8;
const CHANNELS = 4;
const ROWS = 32;
/** Weights that a dispatch binds: those of 256 channels. */
const UNIFORM_VECTORS = 1024;
const BLOCK_VECTORS = 16;

/** Sum of one kernel row's three products, as WGSL. */
function rowSum(start: string, row: number, columns: readonly string[]): string {
  return columns.reduce((sum, column, kx) => `fma(${column}, w${row * 3 + kx}, ${sum})`, start);
}

/** Loop body for stride 1: one input row completes one output row. */
const STEP_STRIDE_1 = /* wgsl */ `
    let middle = load(image, y_first + i32(step), x_first);
    let left = subgroupShuffleUp(middle, 1u);
    let right = subgroupShuffleDown(middle, 1u);
    let done = ${rowSum("upper", 2, ["left", "middle", "right"])};
    upper = ${rowSum("lower", 1, ["left", "middle", "right"])};
    lower = ${rowSum("bias", 0, ["left", "middle", "right"])};`;

/** Loop body for stride 2: two input rows complete one output row and begin the next. */
const STEP_STRIDE_2 = /* wgsl */ `
    let y = y_first + 2 * i32(step) - 1;
    let middle_1 = load(image, y, x_first);
    let right_1 = load(image, y, x_first + 1);
    let left_1 = subgroupShuffleUp(right_1, 1u);
    let middle_2 = load(image, y + 1, x_first);
    let right_2 = load(image, y + 1, x_first + 1);
    let left_2 = subgroupShuffleUp(right_2, 1u);
    let before = ${rowSum("upper", 1, ["left_1", "middle_1", "right_1"])};
    let done = ${rowSum("before", 2, ["left_2", "middle_2", "right_2"])};
    upper = ${rowSum("bias", 0, ["left_2", "middle_2", "right_2"])};`;

/** Columns a tile completes, and steps before the first row is complete. */
function walk(stride: number): { columns: number; lead: number } {
  return stride === 1 ? { columns: LANES - 2, lead: 2 } : { columns: LANES - 1, lead: 1 };
}

function subgroupDepthwiseWgsl(text: ForwardText, stride: number): string {
  const { columns, lead } = walk(stride);
  const weights = Array.from({ length: 9 }, (_, i) => `let w${i} = packed[block + ${i + 1}u];`);
  return /* wgsl */ `${enablesWgsl(text, true)}${PARAMS_WGSL}${bindingsWgsl(text)}${epilogueWgsl(text)}
var<private> channel: u32;

fn load(image: u32, y: i32, x: i32) -> vec4f {
  let inside = u32(y) < p.in_h && u32(x) < p.in_w;
  let pixel = select(0u, (image * p.in_h + u32(y)) * p.in_w + u32(x), inside);
  return select(vec4f(), ${inputAt(text, "(pixel * p.in_stride + p.in_offset + channel) / 4u")}, inside);
}

@compute @workgroup_size(${LANES})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  channel = (p.first_block + workgroup.y) * ${CHANNELS}u;
  let segments = (p.out_h + ${ROWS - 1}u) / ${ROWS}u;
  let image = workgroup.z / segments;
  let out_y = (workgroup.z % segments) * ${ROWS}u;
  let rows = min(${ROWS}u, p.out_h - out_y);
  let out_x = workgroup.x * ${columns}u + lane - 1u;
  let y_first = i32(out_y) * ${stride} - i32(p.pad_top);
  let x_first = i32(out_x) * ${stride} + 1 - i32(p.pad_left);
  let used = lane > 0u && lane <= ${columns}u && out_x < p.out_w;

  let block = workgroup.y * ${BLOCK_VECTORS}u;
  let bias = packed[block];
  ${weights.join("\n  ")}
  var upper = bias;
  ${stride === 1 ? "var lower = bias;" : ""}
  for (var step = 0u; step < rows + ${lead}u; step++) {${stride === 1 ? STEP_STRIDE_1 : STEP_STRIDE_2}
    if (used && step >= ${lead}u) {
      let pixel = (image * p.out_h + out_y + step - ${lead}u) * p.out_w + out_x;
      finish(pixel, channel, p.out_channels - channel, done);
    }
  }
}
`;
}

/** Launch of the walking depthwise convolution. */
export function conv2dSubgroupDepthwise(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  const layout: PackedLayout = packedLayout(spec, {
    block: CHANNELS,
    depthwise: true,
    uniformVectors: UNIFORM_VECTORS,
    transposed,
  });
  const [stride] = spec.stride;
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  const text = { ...forwardText(spec, CHANNELS), uniformVectors: UNIFORM_VECTORS };
  const kernel = {
    variant: "subgroup-depthwise",
    wgsl: once(subgroupDepthwiseWgsl, text, stride),
    text,
    subgroups: true,
  };
  const tiles = Math.ceil(outWidth / walk(stride).columns);
  const segments = spec.batch * Math.ceil(outHeight / ROWS);
  return forwardLaunch(spec, layout, kernel, (blocks) => [tiles, blocks, segments]);
}
