/**
 * Input gradient of a depthwise 3×3 of stride 2 on CPU adapters.
 *
 * With j = row + padding, an even row j = 2a was used by output row a (kernel row 0) and a − 1
 * (kernel row 2), an odd one j = 2a + 1 by output row a (kernel row 1); columns alike. So a lane
 * that holds the gradients at rows a and a − 1 of its own column and, by shuffle, of the column to
 * its left completes a square of 2 × 2 pixels. A workgroup is one subgroup of 8 columns of the
 * gradient (the first only feeds its neighbour) and 4 channels; it walks down the rows and loads
 * every gradient once. For the reasons see `subgroup-gemm.ts`.
 */

import { epilogueWgsl } from "../forward/epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  inputAt,
  PARAMS_WGSL,
} from "../forward/forward.js";
import { packedLayout } from "../shared/layout.js";
import type { Conv2dLaunch, Conv2dSpec } from "../shared/spec.js";

const LANES = 8;
const COLUMNS = LANES - 1;
const CHANNELS = 4;
const ROWS = 32;
/** Weights that a dispatch binds: those of 256 channels. */
const UNIFORM_VECTORS = 1024;
const BLOCK_VECTORS = 16;

function spreadWgsl(text: ForwardText): string {
  const weights = Array.from({ length: 9 }, (_, i) => `let w${i} = packed[block + ${i + 1}u];`);
  return /* wgsl */ `${enablesWgsl(text, true)}${PARAMS_WGSL}${bindingsWgsl(text)}${epilogueWgsl(text)}
var<private> channel: u32;

fn load(image: u32, y: u32, x: u32) -> vec4f {
  let inside = y < p.in_h && x < p.in_w;
  let pixel = select(0u, (image * p.in_h + y) * p.in_w + x, inside);
  return select(vec4f(), ${inputAt(text, "(pixel * p.in_stride + p.in_offset + channel) / 4u")}, inside);
}

fn finish_inside(image: u32, y: u32, x: u32, used: bool, value: vec4f) {
  if (used && y < p.out_h && x < p.out_w) {
    finish((image * p.out_h + y) * p.out_w + x, channel, p.out_channels - channel, value);
  }
}

@compute @workgroup_size(${LANES})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  channel = (p.first_block + workgroup.y) * ${CHANNELS}u;
  let rows = (p.out_h + p.pad_top + 1u) / 2u;
  let segments = (rows + ${ROWS - 1}u) / ${ROWS}u;
  let image = workgroup.z / segments;
  let first = (workgroup.z % segments) * ${ROWS}u;
  let column = workgroup.x * ${COLUMNS}u + lane - 1u;
  let x = 2u * column - p.pad_left;
  let block = workgroup.y * ${BLOCK_VECTORS}u;
  ${weights.join("\n  ")}
  var above = load(image, first - 1u, column);
  var above_left = subgroupShuffleUp(above, 1u);
  for (var row = first; row < min(first + ${ROWS}u, rows); row++) {
    let here = load(image, row, column);
    let left = subgroupShuffleUp(here, 1u);
    let y = 2u * row - p.pad_top;
    finish_inside(image, y, x, lane > 0u, here * w0 + left * w2 + above * w6 + above_left * w8);
    finish_inside(image, y, x + 1u, lane > 0u, here * w1 + above * w7);
    finish_inside(image, y + 1u, x, lane > 0u, here * w3 + left * w5);
    finish_inside(image, y + 1u, x + 1u, lane > 0u, here * w4);
    above = here;
    above_left = left;
  }
}
`;
}

/**
 * Launch of the input gradient.
 *
 * @param reading the convolution's spec with input and output exchanged
 * @param outSize size of the gradient towards the input
 */
export function conv2dSubgroupDepthwiseSpread(
  reading: Conv2dSpec,
  outSize: readonly [height: number, width: number],
): Conv2dLaunch {
  const layout = packedLayout(reading, {
    block: CHANNELS,
    depthwise: true,
    uniformVectors: UNIFORM_VECTORS,
  });
  const text = { ...forwardText(reading, CHANNELS), uniformVectors: UNIFORM_VECTORS };
  const kernel = {
    variant: "subgroup-depthwise-spread",
    wgsl: spreadWgsl(text),
    text,
    subgroups: true,
  };
  const rows = Math.floor((outSize[0] + reading.padding[0] + 1) / 2);
  const columns = Math.floor((outSize[1] + reading.padding[2] + 1) / 2);
  const segments = reading.batch * Math.ceil(rows / ROWS);
  const tiles = Math.ceil(columns / COLUMNS);
  const workgroupsOf = (blocks: number) => [tiles, blocks, segments] as const;
  return forwardLaunch(reading, layout, kernel, workgroupsOf, { outSize });
}
