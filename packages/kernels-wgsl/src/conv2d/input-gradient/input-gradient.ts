/**
 * Gradient of a convolution towards its input.
 *
 * With stride 1 it is itself a convolution, of the output's gradient with the weights transposed
 * and turned round, and every forward variant serves. Otherwise one invocation gathers four input
 * channels of one input pixel from all outputs that used it; nothing is scattered, so the result
 * does not depend on the order of execution.
 */
import { isDepthwise } from "../forward/depthwise.js";
import {
  bindingsWgsl,
  enablesWgsl,
  epilogueWgsl,
  type ForwardText,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  PARAMS_WGSL,
} from "../forward/forward.js";
import { packedLayout } from "../shared/layout.js";
import { type Conv2dLaunch, type Conv2dSpec, conv2dOutputSize } from "../shared/spec.js";

const WORKGROUP = 64;
const BLOCK = 4;

/**
 * The spec with the roles of input and output exchanged: what is read is the output's gradient.
 *
 * @param adds a tensor of the input's size is added, as a residual
 */
export function swapped(spec: Conv2dSpec, adds = false): Conv2dSpec {
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  return {
    batch: spec.batch,
    inHeight: outHeight,
    inWidth: outWidth,
    inChannels: spec.outChannels,
    outChannels: spec.inChannels,
    kernelSize: spec.kernelSize,
    stride: spec.stride,
    dilation: spec.dilation,
    padding: spec.padding,
    groups: spec.groups,
    activation: { kind: "none" },
    inStride: spec.outStride ?? spec.outChannels,
    inOffset: spec.outOffset ?? 0,
    outStride: spec.inStride ?? spec.inChannels,
    outOffset: spec.inOffset ?? 0,
    ...(adds
      ? { residual: { order: "before-activation", height: spec.inHeight, width: spec.inWidth } }
      : {}),
  };
}

/**
 * The convolution of the output's gradient (on a grid of zeros, if the stride is not 1) that gives
 * the input's gradient, to be launched with transposed packing. Its padding may be negative.
 */
export function turnedRound(spec: Conv2dSpec, adds = false): Conv2dSpec {
  const reach = spec.kernelSize.map((k, axis) => spec.dilation[axis]! * (k - 1));
  const [top, bottom, left, right] = spec.padding;
  return {
    ...swapped(spec, adds),
    padding: [reach[0]! - top, reach[0]! - bottom, reach[1]! - left, reach[1]! - right],
  };
}

/** `turnedRound` where that is a convolution like any other; undefined elsewhere. */
export function asForwardConv2d(spec: Conv2dSpec, adds = false): Conv2dSpec | undefined {
  const turned = turnedRound(spec, adds);
  const plain = spec.stride.every((s) => s === 1) && turned.padding.every((p) => p >= 0);
  return plain ? turned : undefined;
}

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
