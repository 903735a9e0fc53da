/**
 * The gradient towards the input by gathering: one invocation takes four input channels of one input pixel from all
 * outputs that used it, at any stride. Nothing is scattered, so the result does not depend on the order of execution.
 * Most of its time goes into finding which outputs those are; with stride 1 a convolution does the same faster.
 */
import { isDepthwise } from "../forward/depthwise.js";
import { epilogueWgsl } from "../forward/epilogue.js";
import {
  bindingsWgsl,
  enablesWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  PARAMS_WGSL,
} from "../forward/forward.js";
import { packedLayout } from "../shared/layout.js";
import type { Conv2dLaunch, Conv2dSpec } from "../shared/spec.js";
import { swapped } from "./specs.js";

const WORKGROUP = 64;
const BLOCK = 4;

function gatherWgsl(text: ForwardText, depthwise: boolean): string {
  const load4 = text.vec4In
    ? "input[at / 4u]"
    : `vec4f(
          input[at], input[at + min(1u, top)], input[at + min(2u, top)], input[at + min(3u, top)],
        )`;
  const inner = depthwise
    ? `let at = pixel_at + channel;
        let row = block + p.kernel_h * p.kernel_w - ky * p.kernel_w - kx;
        sum = fma(${load4}, packed[row], sum);`
    : `let at = pixel_at + group * p.in_per_group;
        let tap = p.kernel_h * p.kernel_w - 1u - ky * p.kernel_w - kx;
        let row = block + 1u + tap * p.in_per_group;
        for (var c = 0u; c < p.in_per_group; c++) {
          sum = fma(vec4f(input[at + c]), packed[row + c], sum);
        }`;
  return /* wgsl */ `${enablesWgsl(text)}${PARAMS_WGSL}${bindingsWgsl(text)}${epilogueWgsl(text)}
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
  let channel = group * p.out_per_group + first;
  let count = min(${BLOCK}u, p.out_per_group - first);
  let top = count - 1u;
  let block = workgroup.y * (p.block_stride / 4u);
  let image = pixel / (p.out_w * p.out_h);
  var sum = vec4f();
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    let y = i32((pixel / p.out_w) % p.out_h + p.pad_top) - i32(ky * p.dilation_y);
    for (var kx = 0u; kx < p.kernel_w; kx++) {
      let x = i32(pixel % p.out_w + p.pad_left) - i32(kx * p.dilation_x);
      let used = y >= 0 && x >= 0 && u32(y) % p.stride_y == 0u && u32(x) % p.stride_x == 0u;
      let from_y = u32(y) / p.stride_y;
      let from_x = u32(x) / p.stride_x;
      if (used && from_y < p.in_h && from_x < p.in_w) {
        let pixel_at = ((image * p.in_h + from_y) * p.in_w + from_x) * p.in_stride + p.in_offset;
        ${inner}
      }
    }
  }
  finish(pixel, channel, count, sum);
}
`;
}

/** Launch of the gathering kernel: any stride. */
export function conv2dInputGradientGather(spec: Conv2dSpec, adds = false): Conv2dLaunch {
  const reading = swapped(spec, adds);
  const depthwise = isDepthwise(spec);
  const layout = packedLayout(reading, { block: BLOCK, depthwise, transposed: true });
  const aligned = forwardText(reading, BLOCK);
  const text = {
    ...aligned,
    vec4In: depthwise && aligned.vec4In,
    wideOut: aligned.wideOut && layout.outPerGroup % BLOCK === 0,
  };
  const kernel = { variant: "gather", wgsl: gatherWgsl(text, depthwise), text };
  const tiles = Math.ceil((spec.batch * spec.inHeight * spec.inWidth) / WORKGROUP);
  const workgroupsOf = (blocks: number) => gridWorkgroups(tiles, blocks);
  const place = { outSize: [spec.inHeight, spec.inWidth] as const };
  return forwardLaunch(reading, layout, kernel, workgroupsOf, place);
}
