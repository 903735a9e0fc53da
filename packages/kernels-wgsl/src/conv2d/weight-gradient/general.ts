/**
 * Partial sums of the gradients towards weight and bias, for any convolution.
 *
 * One invocation computes four output channels of one row (tap, input channel); the bias is one
 * more row. A workgroup is 64 rows, and the output's gradient has one address for all of them. A
 * slice is 512 pixels or more, added up in runs of at most 64 products.
 */
import { outputPixels } from "../forward/forward.js";
import type { Conv2dSpec } from "../shared/spec.js";
import {
  cutSlices,
  gradientLength,
  PARTIAL_PARAMS_WGSL,
  type SlicedWeightGradient,
  weightGradientLaunch,
} from "./weight-gradient.js";

const WORKGROUP = 64;
const BLOCK = 4;
const RUN = 64;
const PIXELS_PER_SLICE = 512;

const PARTIAL_WGSL = /* wgsl */ `${PARTIAL_PARAMS_WGSL}
@group(0) @binding(0) var<storage, read> input: array<f32>;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let rows = p.taps * p.in_per_group;
  let row = workgroup.x * ${WORKGROUP}u + lane;
  let is_bias = row >= rows;
  let group = workgroup.y / p.blocks_per_group;
  let first = (workgroup.y % p.blocks_per_group) * ${BLOCK}u;
  let top = min(${BLOCK}u, p.out_per_group - first) - 1u;
  let out_channel = group * p.out_per_group + first;
  let tap = row / p.in_per_group;
  let in_channel = p.in_offset + group * p.in_per_group + row % p.in_per_group;
  let tap_y = i32(tap / p.kernel_w * p.dilation_y) - i32(p.pad_top);
  let tap_x = i32(tap % p.kernel_w * p.dilation_x) - i32(p.pad_left);

  let begin = workgroup.z * p.slice_size;
  let end = min(begin + p.slice_size, p.pixels);
  var total = vec4f();
  for (var run = begin; run < end; run += ${RUN}u) {
    var sum = vec4f();
    for (var pixel = run; pixel < min(run + ${RUN}u, end); pixel++) {
      let image = pixel / (p.out_w * p.out_h);
      let y = u32(i32((pixel / p.out_w) % p.out_h * p.stride_y) + tap_y);
      let x = u32(i32(pixel % p.out_w * p.stride_x) + tap_x);
      let at = pixel * p.out_stride + p.out_offset + out_channel;
      let g = vec4f(
        gradient[at],
        gradient[at + min(1u, top)],
        gradient[at + min(2u, top)],
        gradient[at + min(3u, top)],
      );
      if (is_bias) {
        sum += g;
      } else if (y < p.in_h && x < p.in_w) {
        let source = ((image * p.in_h + y) * p.in_w + x) * p.in_stride + in_channel;
        sum = fma(vec4f(input[source]), g, sum);
      }
    }
    total += sum;
  }
  if (row > rows) {
    return;
  }
  let slice = workgroup.z * (rows + 1u) * p.out_channels;
  for (var i = 0u; i <= top; i++) {
    let bias_at = rows * p.out_channels + out_channel + i;
    let weight_at = ((out_channel + i) * p.in_per_group + row % p.in_per_group) * p.taps + tap;
    scratch[slice + select(weight_at, bias_at, is_bias)] = total[i];
  }
}
`;

/** Launch of the general gradients towards weight and bias. */
export function conv2dWeightGradientGeneral(spec: Conv2dSpec): SlicedWeightGradient {
  const pixels = outputPixels(spec);
  const rows = gradientLength(spec) / spec.outChannels;
  const cut = cutSlices(spec, pixels, Math.ceil(pixels / PIXELS_PER_SLICE));
  const blocks = spec.groups * Math.ceil(spec.outChannels / spec.groups / BLOCK);
  return weightGradientLaunch(spec, {
    variant: "weight-gradient",
    wgsl: PARTIAL_WGSL,
    workgroups: [Math.ceil(rows / WORKGROUP), blocks, cut.slices],
    ...cut,
    block: BLOCK,
  });
}
