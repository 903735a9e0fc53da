/**
 * Depthwise convolution: as many groups as channels, any kernel size, stride and dilation.
 *
 * One invocation computes four channels of one pixel; a workgroup is 64 consecutive pixels of one
 * block of four channels, so that the weights' addresses are the same for the whole workgroup.
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
  PARAMS_WGSL,
} from "./forward.js";

const WORKGROUP = 64;
const BLOCK = 4;

/** Whether the spec has one input and one output channel a group, and more than one group. */
export function isDepthwise(spec: Conv2dSpec): boolean {
  return spec.groups > 1 && spec.groups === spec.inChannels && spec.groups === spec.outChannels;
}

function depthwiseWgsl(text: ForwardText): string {
  const read = text.vec4In
    ? `return ${inputAt(text, "at / 4u")};`
    : `let top = count - 1u;
  return vec4f(
    ${["at", ...[1, 2, 3].map((i) => `at + min(${i}u, top)`)].map((i) => inputAt(text, i)).join(", ")},
  );`;
  return /* wgsl */ `${enablesWgsl(text)}${PARAMS_WGSL}${bindingsWgsl(text)}${epilogueWgsl(text)}
fn load(at: u32, count: u32) -> vec4f {
  ${read}
}

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
  let channel = workgroup.y * ${BLOCK}u;
  let count = min(${BLOCK}u, p.out_channels - channel);
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  let y0 = i32((pixel / p.out_w) % p.out_h * p.stride_y) - i32(p.pad_top);
  let x0 = i32(pixel % p.out_w * p.stride_x) - i32(p.pad_left);
  var sum = packed[block];
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = u32(y0 + i32(ky * p.dilation_y));
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = u32(x0 + i32(kx * p.dilation_x));
      if (y < p.in_h && x < p.in_w) {
        let at = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + p.in_offset + channel;
        sum = fma(load(at, count), packed[block + 1u + ky * p.kernel_w + kx], sum);
      }
    }
  }
  finish(pixel, channel, count, sum);
}
`;
}

/** Launch of the general depthwise convolution. */
export function conv2dDepthwise(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  const layout = packedLayout(spec, { block: BLOCK, depthwise: true, transposed });
  const text = forwardText(spec, BLOCK);
  const kernel = { variant: "depthwise", wgsl: once(depthwiseWgsl, text), text };
  const tiles = Math.ceil(outputPixels(spec) / WORKGROUP);
  return forwardLaunch(spec, layout, kernel, (blocks) => gridWorkgroups(tiles, blocks));
}
