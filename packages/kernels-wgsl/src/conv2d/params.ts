import { MAX_WORKGROUPS_PER_DIMENSION, packParams, type Workgroups } from "../kernel.js";
import type { PackedLayout } from "./layout.js";
import { type Conv2dSpec, conv2dOutputSize } from "./spec.js";

/** The uniform block shared by the forward kernels; `forwardParams` fills it. */
export const PARAMS_WGSL = /* wgsl */ `
struct Params {
  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
  in_channels: u32,
  in_stride: u32,
  in_offset: u32,
  kernel_h: u32,
  kernel_w: u32,
  stride_y: u32,
  stride_x: u32,
  dilation_y: u32,
  dilation_x: u32,
  pad_top: u32,
  pad_left: u32,
  out_per_group: u32,
  in_per_group: u32,
  blocks_per_group: u32,
  block_stride: u32,
  first_block: u32,
  residual_h: u32,
  residual_w: u32,
  residual_last: u32,
  slope: f32,
}
`;

/** Values of `PARAMS_WGSL` for a dispatch whose packed slice starts with block `firstBlock`. */
export function forwardParams(
  spec: Conv2dSpec,
  layout: PackedLayout,
  firstBlock = 0,
  [outHeight, outWidth] = conv2dOutputSize(spec),
): ArrayBuffer {
  return packParams([
    spec.batch * outHeight * outWidth,
    outHeight,
    outWidth,
    spec.outChannels,
    spec.outStride ?? spec.outChannels,
    spec.outOffset ?? 0,
    spec.inHeight,
    spec.inWidth,
    spec.inChannels,
    spec.inStride ?? spec.inChannels,
    spec.inOffset ?? 0,
    ...spec.kernelSize,
    ...spec.stride,
    ...spec.dilation,
    spec.padding[0],
    spec.padding[2],
    layout.outPerGroup,
    layout.inPerGroup,
    layout.blocksPerGroup,
    layout.blockStride,
    firstBlock,
    spec.residual?.height ?? 1,
    spec.residual?.width ?? 1,
    spec.residual?.order === "after-activation" ? 1 : 0,
    { f32: activationSlope(spec) },
  ]);
}

function activationSlope({ activation }: Conv2dSpec): number {
  if (activation.kind === "leaky_relu") return activation.slope;
  return activation.kind === "relu" ? 0 : 1;
}

/**
 * WGSL that ends a forward kernel, for the bindings `input`, `packed`, `residual`?, `output`, `p`:
 * `finish(pixel, channel, value)` adds the residual, applies the activation and stores up to four
 * consecutive channels, `count` of which exist.
 */
export function epilogueWgsl(options: { residual: boolean; vec4Out: boolean }): string {
  const residual = options.residual
    ? /* wgsl */ `
fn residual_value(pixel: u32, channel: u32, count: u32) -> vec4f {
  let x = (pixel % p.out_w) * p.residual_w / p.out_w;
  let row = pixel / p.out_w;
  let y = (row % p.out_h) * p.residual_h / p.out_h;
  let source = ((row / p.out_h) * p.residual_h + y) * p.residual_w + x;
  let at = source * p.out_channels + channel;
  ${
    options.vec4Out
      ? "return residual[at / 4u];"
      : `let top = count - 1u;
  return vec4f(
    residual[at],
    residual[at + min(1u, top)],
    residual[at + min(2u, top)],
    residual[at + min(3u, top)],
  );`
  }
}
`
    : "";
  const store = options.vec4Out
    ? "output[at / 4u] = y;"
    : `for (var i = 0u; i < count; i++) {
    output[at + i] = y[i];
  }`;
  const finish = options.residual
    ? `let r = residual_value(pixel, channel, count);
  let before = p.residual_last == 0u;
  let y = activate(value + select(vec4f(), r, before)) + select(r, vec4f(), before);`
    : "let y = activate(value);";
  return /* wgsl */ `
fn activate(x: vec4f) -> vec4f {
  return select(x * p.slope, x, x >= vec4f());
}
${residual}
fn finish(pixel: u32, channel: u32, count: u32, value: vec4f) {
  ${finish}
  let at = pixel * p.out_stride + p.out_offset + channel;
  ${store}
}
`;
}

/** Declarations of the bindings of a forward kernel. */
export function forwardBindingsWgsl(options: {
  residual: boolean;
  vec4In: boolean;
  vec4Out: boolean;
}): string {
  const inType = options.vec4In ? "vec4f" : "f32";
  const outType = options.vec4Out ? "vec4f" : "f32";
  const last = options.residual ? 3 : 2;
  return /* wgsl */ `
@group(0) @binding(0) var<storage, read> input: array<${inType}>;
@group(0) @binding(1) var<storage, read> packed: array<vec4f>;
${options.residual ? `@group(0) @binding(2) var<storage, read> residual: array<${outType}>;` : ""}
@group(0) @binding(${last}) var<storage, read_write> output: array<${outType}>;
@group(0) @binding(${last + 1}) var<uniform> p: Params;
`;
}

/** Whether the input's pixels can be read four channels at a time. */
export function canReadVec4(spec: Conv2dSpec): boolean {
  return (
    spec.inChannels % 4 === 0 &&
    (spec.inStride ?? spec.inChannels) % 4 === 0 &&
    (spec.inOffset ?? 0) % 4 === 0
  );
}

/** Whether the output's pixels (and the residual's) can be written four channels at a time. */
export function canWriteVec4(spec: Conv2dSpec): boolean {
  return (
    spec.outChannels % 4 === 0 &&
    (spec.outStride ?? spec.outChannels) % 4 === 0 &&
    (spec.outOffset ?? 0) % 4 === 0
  );
}

/**
 * Workgroups for `items` along x and `blocks` along y. Beyond the limit of a dimension x continues
 * in z: the shader's index is `workgroup.x + workgroup.z * num_workgroups.x`.
 */
export function gridWorkgroups(items: number, blocks: number): Workgroups {
  const z = Math.ceil(items / MAX_WORKGROUPS_PER_DIMENSION);
  return [Math.ceil(items / z), blocks, z];
}
