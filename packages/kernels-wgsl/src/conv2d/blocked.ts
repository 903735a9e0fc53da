/**
 * Register-blocked convolution of one group, for any adapter: neither subgroups nor workgroup
 * memory.
 *
 * One invocation computes 4 pixels × up to 16 output channels; a workgroup is 64 such invocations
 * over 256 consecutive pixels of one block of channels, so that all of it reads the same weights.
 * Each step reads four input channels of its pixels and their weights.
 *
 * Chosen on CPU adapters without subgroups of 8, and on GPUs for convolutions too small for
 * `tiled.ts`. On llvmpipe (Mesa 25.0.7, 256-bit, two cores, 2026-11-24) the same blocking measured
 * 6 to 7 GFLOP/s, 10 to 12 with the weights in a uniform buffer of at most 64 KiB; see
 * `subgroup-gemm.ts` for what beats it there.
 */
import {
  bindingsWgsl,
  epilogueWgsl,
  type ForwardText,
  forwardDispatch,
  forwardLaunch,
  forwardText,
  gridWorkgroups,
  outputPixels,
  PARAMS_WGSL,
} from "./forward.js";
import { packedLayout } from "./layout.js";
import type { Conv2dLaunch, Conv2dSpec } from "./spec.js";

const WORKGROUP = 64;
const PIXELS = 4;

function lines(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join("\n");
}

/** WGSL of four input channels from `at` on; those past the last are met by zero weights. */
export function loadQuad(text: ForwardText, at: string, channel: string): string {
  if (text.vec4In) return `input[(${at} + ${channel}) / 4u]`;
  const items = Array.from(
    { length: 4 },
    (_, i) => `input[${at} + min(${channel} + ${i}u, p.in_per_group - 1u)]`,
  );
  return `vec4f(${items.join(", ")})`;
}

function blockedWgsl(text: ForwardText, vectors: number): string {
  return /* wgsl */ `${PARAMS_WGSL}${bindingsWgsl(text)}${epilogueWgsl(text)}
@compute @workgroup_size(${WORKGROUP})
fn main(
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let first_pixel = (workgroup.x + workgroup.z * workgroups.x) * ${WORKGROUP * PIXELS}u + lane;
  var row = workgroup.y * (p.block_stride / 4u);
${lines(
  PIXELS,
  (i) => `
  let pixel${i} = min(first_pixel + ${i * WORKGROUP}u, p.pixels - 1u);
  let line${i} = divide(pixel${i}, p.out_w);
  let image${i} = divide(line${i}, p.out_h);
  let x_first${i} = (pixel${i} - line${i} * p.out_w) * p.stride_x - p.pad_left;
  let y_first${i} = (line${i} - image${i} * p.out_h) * p.stride_y - p.pad_top;`,
)}
${lines(PIXELS, (i) => lines(vectors, (c) => `var s${i}_${c} = packed[row + ${c}u];`))}
  row += ${vectors}u;
  for (var ky = 0u; ky < p.kernel_h; ky++) {
    for (var kx = 0u; kx < p.kernel_w; kx++) {
${lines(
  PIXELS,
  (i) => `
      let y${i} = y_first${i} + ky * p.dilation_y;
      let x_at${i} = x_first${i} + kx * p.dilation_x;
      let inside${i} = y${i} < p.in_h && x_at${i} < p.in_w;
      let source${i} = (image${i} * p.in_h + y${i}) * p.in_w + x_at${i};
      let at${i} = select(0u, source${i}, inside${i}) * p.in_stride + p.in_offset;`,
)}
      for (var channel = 0u; channel < p.in_per_group; channel += 4u) {
${lines(PIXELS, (i) => `let x${i} = select(vec4f(), ${loadQuad(text, `at${i}`, "channel")}, inside${i});`)}
${lines(
  4 * vectors,
  (w) => `{ let w = packed[row + ${w}u];
${lines(PIXELS, (i) => {
  const sum = `s${i}_${w % vectors}`;
  return `${sum} = fma(vec4f(x${i}[${Math.floor(w / vectors)}]), w, ${sum});`;
})} }`,
)}
        row += ${4 * vectors}u;
      }
    }
  }
  let channel = workgroup.y * ${4 * vectors}u;
${lines(
  PIXELS,
  (i) => `
  if (first_pixel + ${i * WORKGROUP}u < p.pixels) {
${lines(
  vectors,
  (c) => `
    if (channel + ${4 * c}u < p.out_channels) {
      finish(pixel${i}, channel + ${4 * c}u, p.out_channels - channel - ${4 * c}u, s${i}_${c});
    }`,
)}
  }`,
)}
}
`;
}

/** Launch of the register-blocked convolution, for a spec of one group. */
export function conv2dBlocked(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  const vectors = spec.outChannels <= 4 ? 1 : spec.outChannels <= 8 ? 2 : 4;
  const layout = packedLayout(spec, { block: 4 * vectors, padChannels: true, transposed });
  const text = forwardText(spec, 4);
  const kernel = { variant: "blocked", wgsl: blockedWgsl(text, vectors), text };
  const tiles = Math.ceil(outputPixels(spec) / (WORKGROUP * PIXELS));
  const workgroups = gridWorkgroups(tiles, layout.blocksPerGroup);
  return forwardLaunch("blocked", layout, [forwardDispatch(spec, layout, kernel, workgroups)]);
}
