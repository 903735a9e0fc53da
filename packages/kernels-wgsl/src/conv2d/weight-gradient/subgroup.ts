/**
 * Partial sums of the gradients towards weight and bias on CPU adapters: lanes are input channels,
 * and the output's gradient reaches all of them by subgroup broadcast.
 *
 * A workgroup is one subgroup of 8 invocations. A lane sums up one quad (a kernel tap and four
 * input channels) for 16 output channels. Of four output pixels at a time it loads its quad of the
 * input (four vec4f) and an eighth of the gradient (two vec4f: lanes 0 to 3 the even pixel, 4 to 7
 * the odd one), then broadcasts each of the 64 gradients to its four products. For the reasons see
 * `subgroup-gemm.ts`: 6 loads feed 256 multiply-adds. All four pixels are added to two output channels (8 sums, in
 * registers) before the next two: with all 16 channels pixel after pixel it took 1.05 to 1.2 times as long (1×1 and 3×3 of 64 to 256
 * channels, llvmpipe, medians of 60 pairs in turn on a busy machine, 2026-11-30).
 *
 * A slice is a number of output lines of together about 512 pixels, or more where there are workgroups enough without:
 * every slice writes and reads a whole gradient of partial sums. With slices of 512 throughout, adding them took 14 and
 * this kernel 54 of 353 ms of processor time of a training step (MobileNet-0.25 at 320×320, llvmpipe, 2026-11-29). There
 * a dispatch costs 0.1 ms, whatever it does: where one slice has no more to do than that, there is one.
 */
import { type Conv2dSpec, conv2dFlops, conv2dOutputSize } from "../shared/spec.js";
import { type Alignment, alignmentOf, lines, load4 } from "../shared/text.js";
import {
  cutSlices,
  DIRECT_PARAMS_WGSL,
  PARTIAL_PARAMS_WGSL,
  type SlicedWeightGradient,
  weightGradientLaunch,
} from "./weight-gradient.js";

const LANES = 8;
/** Output channels of a workgroup, and pixels that it takes at a time. */
export const BLOCK = 16;
export const PIXELS = 4;
const PIXELS_PER_SLICE = 512;
/** So long sums of f32 still have four digits to spare. */
const MOST_PIXELS_PER_SLICE = 4096;
/** Workgroups that keep all threads of a CPU adapter busy to the end. */
const ENOUGH_WORKGROUPS = 32;
/** Operations of a workgroup that take longer than a dispatch which adds up slices. */
const WORTH_A_SLICE = 4e6;

/** Sums that stay in registers while all pixels are added to them. */
const SUMS_AT_ONCE = 2;

/** All products of one step: of the pixels x0, x1, … and their gradients, two pixels in g0, two in g1, to s0, s1, …. */
export function multiply(): string {
  return lines(BLOCK / SUMS_AT_ONCE, (group) =>
    lines(PIXELS, (pixel) =>
      lines(SUMS_AT_ONCE, (i) => {
        const channel = group * SUMS_AT_ONCE + i;
        const lane = (pixel % 2) * 4 + Math.floor(channel / 4);
        const value = `subgroupBroadcast(g${Math.floor(pixel / 2)}[${channel % 4}], ${lane}u)`;
        return `s${channel} = fma(vec4f(${value}), x${pixel}, s${channel});`;
      }),
    ),
  );
}

/** @param direct there is one slice, and what would be partial sums are the gradients */
function partialWgsl({ input, gradient }: Alignment, direct: boolean): string {
  const loadInput = load4("input", input, "at", "at - at_channel + p.in_per_group - 1u");
  const loadGradient = load4("gradient", gradient, "at", "at - first + last");
  return /* wgsl */ `enable subgroups;
${direct ? DIRECT_PARAMS_WGSL : PARTIAL_PARAMS_WGSL}
@group(0) @binding(0) var<storage, read> input: array<${input ? "vec4f" : "f32"}>;
@group(0) @binding(1) var<storage, read> gradient: array<${gradient ? "vec4f" : "f32"}>;
${
  direct
    ? `@group(0) @binding(2) var<storage, read_write> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> biases: array<f32>;`
    : "@group(0) @binding(2) var<storage, read_write> scratch: array<f32>;"
}

@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let quads = (p.in_per_group + 3u) / 4u;
  let quad = workgroup.x * ${LANES}u + lane;
  let tap = quad / quads;
  let at_channel = quad % quads * 4u;
  let tap_y = tap / p.kernel_w * p.dilation_y - p.pad_top;
  let tap_x = tap % p.kernel_w * p.dilation_x - p.pad_left;
  let last = p.out_channels - 1u;
  let first = min(workgroup.y * ${BLOCK}u + lane % 4u * 4u, last ${gradient ? "- 3u" : ""});

  let begin = workgroup.z * p.slice_size;
  let end = min(begin + p.slice_size, p.lines);
${lines(BLOCK, (channel) => `var s${channel} = vec4f();`)}
  var bias = vec4f();
  for (var line = begin; line < end; line++) {
    let image = line / p.out_h;
    let y = (line - image * p.out_h) * p.stride_y + tap_y;
    let in_line = (image * p.in_h + y) * p.in_w;
    for (var x = 0u; x < p.out_w; x += ${PIXELS}u) {
${lines(
  PIXELS / 2,
  (i) => `
      var g${i} = vec4f();
      {
        let pixel_x = x + ${2 * i}u + lane / 4u;
        let inside = pixel_x < p.out_w;
        let pixel = select(0u, line * p.out_w + pixel_x, inside);
        let at = pixel * p.out_stride + p.out_offset + first;
        g${i} = select(vec4f(), ${loadGradient}, inside);
        bias += g${i};
      }`,
)}
${lines(
  PIXELS,
  (i) => `
      var x${i} = vec4f();
      {
        let from_x = (x + ${i}u) * p.stride_x + tap_x;
        let inside = y < p.in_h && from_x < p.in_w;
        let pixel = select(0u, in_line + from_x, inside);
        let at = pixel * p.in_stride + p.in_offset + at_channel;
        x${i} = select(vec4f(), ${loadInput}, inside);
      }`,
)}
${multiply()}
    }
  }

${
  direct
    ? ""
    : `  let weights = p.taps * p.in_per_group * p.out_channels;
  let slice = workgroup.z * (weights + p.out_channels);`
}
  let total = bias + subgroupShuffleXor(bias, 4u);
  var tile = array<vec4f, ${BLOCK}>(
${lines(BLOCK, (channel) => `s${channel},`)}
  );
  for (var i = 0u; i < p.block; i++) {
    let out_channel = workgroup.y * ${BLOCK}u + i;
    for (var c = 0u; c < 4u; c++) {
      if (tap < p.taps && out_channel <= last && at_channel + c < p.in_per_group) {
        let at = (out_channel * p.in_per_group + at_channel + c) * p.taps + tap;
        ${direct ? "weight[at]" : "scratch[slice + at]"} = tile[i][c];
      }
    }
  }
  for (var c = 0u; c < 4u; c++) {
    let out_channel = workgroup.y * ${BLOCK}u + lane * 4u + c;
    if (workgroup.x == 0u && lane < 4u && out_channel <= last) {
      ${direct ? "biases[out_channel]" : "scratch[slice + weights + out_channel]"} = total[c];
    }
  }
}
`;
}

/** Launch of the gradients towards weight and bias, for a spec of one group. */
export function conv2dSubgroupWeightGradient(spec: Conv2dSpec): SlicedWeightGradient {
  const [outHeight, outWidth] = conv2dOutputSize(spec);
  const outLines = spec.batch * outHeight;
  const pixels = outLines * outWidth;
  const quads = spec.kernelSize[0] * spec.kernelSize[1] * Math.ceil(spec.inChannels / 4);
  const perSlice = Math.ceil(quads / LANES) * Math.ceil(spec.outChannels / BLOCK);
  const useful = Math.min(ENOUGH_WORKGROUPS, conv2dFlops(spec) / WORTH_A_SLICE) / perSlice;
  const fewest = Math.max(pixels / MOST_PIXELS_PER_SLICE, useful);
  const wanted = Math.ceil(Math.min(pixels / PIXELS_PER_SLICE, fewest));
  const cut = cutSlices(spec, outLines, Math.min(wanted, outLines));
  return weightGradientLaunch(spec, {
    variant: "subgroup-weight-gradient",
    wgsl: partialWgsl(alignmentOf(spec), false),
    directWgsl: partialWgsl(alignmentOf(spec), true),
    features: ["subgroups"],
    workgroups: [Math.ceil(quads / LANES), Math.ceil(spec.outChannels / BLOCK), cut.slices],
    ...cut,
    block: BLOCK,
  });
}
