/**
 * The general convolution, and the reference among the GPU variants: any kernel, stride, dilation,
 * padding, groups, channel counts and channel slices.
 *
 * One invocation computes four output channels of one pixel; a workgroup is 64 consecutive pixels
 * of one block of channels, so that every weight address is the same for the whole workgroup.
 * Input channels are read one by one: simple, and slow where inputs are deep.
 */

import { packedLayout } from "../shared/layout.js";
import type { Conv2dLaunch, Conv2dSpec } from "../shared/spec.js";
import { once } from "../shared/text.js";
import { epilogueWgsl } from "./epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  inputAt,
  outputPixels,
  paramsWgsl,
} from "./forward.js";

const WORKGROUP = 64;
const BLOCK = 4;

function directWgsl(text: ForwardText): string {
  return /* wgsl */ `${enablesWgsl(text)}${paramsWgsl(text)}${bindingsWgsl(text)}${epilogueWgsl(text)}
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let pixel = (workgroup.x + workgroup.z * workgroups.x) * ${WORKGROUP}u + lane;
  if (pixel >= p.pixels) {
    return;
  }
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * ${BLOCK}u;
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  let y0 = i32((pixel / p.out_w) % p.out_h * p.stride_y) - i32(p.pad_top);
  let x0 = i32(pixel % p.out_w * p.stride_x) - i32(p.pad_left);
  let in_first = p.in_offset + group * p.in_per_group;
  var sum = packed[block];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = u32(y0 + i32(ky * p.dilation_y));
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = u32(x0 + i32(kx * p.dilation_x));
      if (y < p.in_h && x < p.in_w) {
        let at = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + in_first;
        let row = block + 1u + (ky * p.kernel_w + kx) * p.in_per_group;
        for (var c = 0u; c < p.in_per_group; c++) {
          sum = fma(vec4f(${inputAt(text, "at + c")}), packed[row + c], sum);
        }
      }
    }
  }
  finish(pixel, group * p.out_per_group + first, min(${BLOCK}u, p.out_per_group - first), sum);
}
`;
}

/** Launch of the general convolution. */
export function conv2dDirect(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  const layout = packedLayout(spec, { block: BLOCK, transposed });
  const aligned = forwardText(spec, BLOCK);
  const wideOut = aligned.wideOut && layout.outPerGroup % BLOCK === 0;
  const text = { ...aligned, vec4In: false, wideOut };
  const kernel = { variant: "direct", wgsl: once(directWgsl, text), text };
  const tiles = Math.ceil(outputPixels(spec) / WORKGROUP);
  return forwardLaunch(spec, layout, kernel, (blocks) => gridWorkgroups(tiles, blocks));
}
