/** What the forward kernels share: uniform block, bindings, epilogue and the making of a launch. */
import {
  type BindingType,
  type Kernel,
  MAX_WORKGROUPS_PER_DIMENSION,
  type ParamValue,
  packParams,
  type Workgroups,
} from "../../kernel.js";
import { type PackedLayout, packKernel } from "../shared/layout.js";
import {
  type Conv2dActivation,
  type Conv2dDispatch,
  type Conv2dLaunch,
  type Conv2dSpec,
  conv2dBytes,
  conv2dFlops,
  conv2dOutputSize,
  type StorageType,
} from "../shared/spec.js";

const FIELDS = /* wgsl */ `  pixels: u32,
  out_h: u32,
  out_w: u32,
  out_channels: u32,
  out_stride: u32,
  out_offset: u32,
  in_h: u32,
  in_w: u32,
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
  tile: u32,
  residual_h: u32,
  residual_w: u32,
  residual_order: u32,
  slope: f32,
  lowest: f32,`;

/** Further fields for a second output. */
const SECOND_FIELDS = [
  "split: u32",
  "second_stride: u32",
  "second_offset: u32",
  "second_slope: f32",
  "second_lowest: f32",
];

const DIVIDE_WGSL = /* wgsl */ `fn divide(a: u32, b: u32) -> u32 {
  let inverse = 1.0 / f32(b);
  var q = u32(f32(a) * inverse);
  var r = i32(a - q * b);
  let more = i32(floor(f32(r) * inverse));
  q += u32(more);
  r -= more * i32(b);
  return select(select(q, q + 1u, r >= i32(b)), q - 1u, r < 0);
}
`;

/**
 * The uniform block, filled by `forwardParams`, and a division.
 *
 * `divide` is exact for dividends below 2³¹: a quotient from reciprocals, its remainder divided
 * once more, and a correction by one. Software adapters turn a vector's integer division into
 * one scalar division a lane, some hundred cycles; this takes a tenth.
 *
 * @param more fields of a kernel's own, behind the others
 */
export function paramsWgsl({ second }: Pick<ForwardText, "second">, more: readonly string[] = []) {
  const further = [...(second ? SECOND_FIELDS : []), ...more].map((field) => `\n  ${field},`);
  return `
struct Params {
${FIELDS}${further.join("")}
}

${DIVIDE_WGSL}`;
}

/** The block of a kernel with one output. */
export const PARAMS_WGSL = /* @__PURE__ */ paramsWgsl({ second: false });

/** What a dispatch's uniform block holds beside the spec. */
export interface ForwardPlace {
  /** First block of the packed slice; 0 when absent. */
  readonly firstBlock?: number;
  /** Iterations of a loop that the compiler must not unroll. */
  readonly tile?: number;
  /** Output size; that of the spec when absent. */
  readonly outSize?: readonly [height: number, width: number] | undefined;
  /** Values of a kernel's own fields. */
  readonly more?: readonly ParamValue[];
}

/** Values of `paramsWgsl`'s block. */
export function forwardParams(
  spec: Conv2dSpec,
  layout: PackedLayout,
  { firstBlock = 0, tile = 1, outSize = conv2dOutputSize(spec), more = [] }: ForwardPlace = {},
): ArrayBuffer {
  const { second } = spec;
  return packParams([
    spec.batch * outSize[0] * outSize[1],
    ...outSize,
    spec.outChannels,
    spec.outStride ?? second?.from ?? spec.outChannels,
    spec.outOffset ?? 0,
    spec.inHeight,
    spec.inWidth,
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
    tile,
    spec.residual?.height ?? 1,
    spec.residual?.width ?? 1,
    residualOrder(spec),
    ...activationParams(spec.activation),
    ...(second ? [second.from, second.outStride, second.outOffset] : []),
    ...(second ? activationParams(second.activation) : []),
    ...more,
  ]);
}

/** The largest number of float32: what lies below its negative is −∞, of which 0 times is no number. */
const MAX_F32 = 3.4028234663852886e38;

/** 0: no residual, 1: added before the activation, 2: after it. */
function residualOrder({ residual }: Conv2dSpec): number {
  if (!residual) return 0;
  return residual.order === "before-activation" ? 1 : 2;
}

/** The slope below 0, and the least number that is multiplied by it. */
export function activationParams(activation: Conv2dActivation): readonly ParamValue[] {
  const given = activation.kind === "leaky_relu" ? activation.slope : 1;
  const slope = activation.kind === "relu" ? 0 : given;
  return [{ f32: slope }, { f32: slope === 0 ? -MAX_F32 : Number.NEGATIVE_INFINITY }];
}

/** Channels a value of the epilogue has. */
export type Width = 1 | 2 | 4;

/** How a kernel reads and writes: part of its text. */
export interface ForwardText {
  /** A residual is bound, whether the spec has one or not. */
  readonly residual: boolean;
  /** Channels from a certain one on go to a second output. */
  readonly second: boolean;
  /** The packed weights of a depthwise convolution are bound behind `packed`. */
  readonly depthwise?: boolean | undefined;
  /** The input is bound as vec4f. */
  readonly vec4In: boolean;
  /** Channels that `finish` takes at once. */
  readonly width: Width;
  /** `finish` stores `width` channels at once, else one by one. */
  readonly wideOut: boolean;
  /** The packed weights are bound as this many vec4f in a uniform buffer, else as storage. */
  readonly uniformVectors?: number | undefined;
  /** The bias is bound apart from the weights, as storage. */
  readonly biasApart?: boolean | undefined;
  /** Element types in memory; what is loaded becomes f32 at once. */
  readonly types: {
    readonly input: StorageType;
    readonly residual: StorageType;
    readonly output: StorageType;
  };
}

/** The WGSL type of `width` f32. */
export function vec(width: Width): string {
  return width === 1 ? "f32" : `vec${width}f`;
}

/** The widest binding the spec allows for the input and, up to `width`, for the output. */
export function forwardText(spec: Conv2dSpec, width: Width): ForwardText {
  const { inChannels, inStride = inChannels, inOffset = 0 } = spec;
  const { second } = spec;
  const outChannels = second?.from ?? spec.outChannels;
  const { outStride = outChannels, outOffset = 0 } = spec;
  const outs = [outChannels, outStride, outOffset];
  if (second) outs.push(spec.outChannels - second.from, second.outStride, second.outOffset);
  return {
    residual: spec.residual !== undefined,
    second: second !== undefined,
    vec4In: [inChannels, inStride, inOffset].every((n) => n % 4 === 0),
    width,
    wideOut: outs.every((n) => n % width === 0),
    types: {
      input: spec.inType ?? "f32",
      // Kernels that bind a residual without need are given the input.
      residual: (spec.residual ? spec.residual.type : spec.inType) ?? "f32",
      output: spec.outType ?? "f32",
    },
  };
}

function usesHalf({ types, residual }: ForwardText): boolean {
  return [types.input, types.output, residual ? types.residual : "f32"].includes("f16");
}

/** The `enable` directives of a forward kernel, the first lines of its text. */
export function enablesWgsl(text: ForwardText, subgroups = false): string {
  const enables = [...(usesHalf(text) ? ["f16"] : []), ...(subgroups ? ["subgroups"] : [])];
  return enables.map((name) => `enable ${name};\n`).join("");
}

/** WGSL of `width` elements in memory. */
export function stored(type: StorageType, width: Width): string {
  if (type === "f32") return vec(width);
  return width === 1 ? "f16" : `vec${width}h`;
}

/** WGSL of an element that was loaded, in f32. */
export function loaded(type: StorageType, width: Width, element: string): string {
  return type === "f32" ? element : `${vec(width)}(${element})`;
}

/** WGSL of the input's element `index`: of `vec4f` where the text binds it so, else of `f32`. */
export function inputAt(text: ForwardText, index: string): string {
  return loaded(text.types.input, text.vec4In ? 4 : 1, `input[${index}]`);
}

/** Declarations of the bindings of a forward kernel, in the order of `operandsOf`. */
export function bindingsWgsl(text: ForwardText): string {
  const { types } = text;
  const inType = stored(types.input, text.vec4In ? 4 : 1);
  const outWidth = text.wideOut ? text.width : 1;
  const outType = stored(types.output, outWidth);
  const residualType = stored(types.residual, outWidth);
  const packed = text.uniformVectors
    ? `var<uniform> packed: array<vec4f, ${text.uniformVectors}>`
    : "var<storage, read> packed: array<vec4f>";
  const declarations = [
    `var<storage, read> input: array<${inType}>`,
    packed,
    ...(text.depthwise ? ["var<storage, read> depthwise: array<vec4f>"] : []),
    ...(text.biasApart ? [`var<storage, read> biases: array<${vec(text.width)}>`] : []),
    ...(text.residual ? [`var<storage, read> residual: array<${residualType}>`] : []),
    `var<storage, read_write> output: array<${outType}>`,
    ...(text.second ? [`var<storage, read_write> second: array<${outType}>`] : []),
    "var<uniform> p: Params",
  ];
  return `\n${declarations.map((d, i) => `@group(0) @binding(${i}) ${d};`).join("\n")}\n`;
}

function bindingTypes(text: ForwardText): BindingType[] {
  return [
    "read",
    text.uniformVectors ? "uniform" : "read",
    ...(text.depthwise ? (["read"] as const) : []),
    ...(text.biasApart ? (["read"] as const) : []),
    ...(text.residual ? (["read"] as const) : []),
    "read_write",
    ...(text.second ? (["read_write"] as const) : []),
  ];
}

/** WGSL of four input channels from `at` on; those past the last are met by zero weights. */
export function loadQuad(text: ForwardText, at: string, channel: string): string {
  if (text.vec4In) return inputAt(text, `(${at} + ${channel}) / 4u`);
  const items = Array.from({ length: 4 }, (_, i) =>
    inputAt(text, `${at} + min(${channel} + ${i}u, p.in_per_group - 1u)`),
  );
  return `vec4f(${items.join(", ")})`;
}

/** A forward kernel's own part of a launch. */
export interface ForwardKernel {
  readonly variant: string;
  readonly wgsl: string;
  readonly text: ForwardText;
  readonly subgroups?: boolean;
}

/** A dispatch of a forward kernel on `blocks` blocks from `place.firstBlock` on. */
function forwardDispatch(
  spec: Conv2dSpec,
  layout: PackedLayout,
  { variant, wgsl, text, subgroups = false }: ForwardKernel,
  workgroups: Workgroups,
  blocks = layout.blocksPerGroup * layout.groups,
  place: ForwardPlace = {},
): Conv2dDispatch {
  const features: Kernel["features"] = [
    ...(usesHalf(text) ? (["shader-f16"] as const) : []),
    ...(subgroups ? (["subgroups"] as const) : []),
  ];
  const share = blocks / (layout.blocksPerGroup * layout.groups);
  const { firstBlock = 0, outSize } = place;
  const forward = outSize ? spec.batch * spec.inHeight * spec.inWidth : outputPixels(spec);
  const weights = {
    packedOffset: firstBlock * layout.blockStride,
    packedSize: text.uniformVectors ? text.uniformVectors * 4 : blocks * layout.blockStride,
  };
  const bias = { packedOffset: layout.biasOffset, packedSize: layout.written - layout.biasOffset };
  return {
    kernel: {
      name: `conv2d/${variant}`,
      wgsl,
      bindings: bindingTypes(text),
      params: forwardParams(spec, layout, place),
      workgroups,
      flops: conv2dFlops(spec, forward) * share,
      bytes: conv2dBytes(spec) * share,
      ...(features.length > 0 ? { features } : {}),
    },
    operands: [
      "input",
      weights,
      ...(text.depthwise ? (["depthwise"] as const) : []),
      ...(text.biasApart ? [bias] : []),
      ...(text.residual ? (["residual"] as const) : []),
      "output",
      ...(text.second ? (["second"] as const) : []),
    ],
  };
}

/**
 * A launch of a forward kernel: one dispatch a slice of the weights that can be bound at once.
 *
 * @param workgroupsOf workgroups for a number of blocks
 */
export function forwardLaunch(
  spec: Conv2dSpec,
  layout: PackedLayout,
  kernel: ForwardKernel,
  workgroupsOf: (blocks: number) => Workgroups,
  place: ForwardPlace = {},
): Conv2dLaunch {
  const all = layout.blocksPerGroup * layout.groups;
  const dispatches: Conv2dDispatch[] = [];
  for (let firstBlock = 0; firstBlock < all; firstBlock += layout.blocksPerSlice) {
    const blocks = Math.min(layout.blocksPerSlice, all - firstBlock);
    const here = { ...place, firstBlock };
    dispatches.push(forwardDispatch(spec, layout, kernel, workgroupsOf(blocks), blocks, here));
  }
  return {
    variant: kernel.variant,
    packedLength: layout.length,
    packedWritten: layout.written,
    pack: (hasBias) => packKernel(layout, hasBias),
    dispatches,
  };
}

/**
 * Workgroups for `items` along x and `blocks` along y. Beyond the limit of a dimension x continues
 * in z: the shader's index is `workgroup.x + workgroup.z * num_workgroups.x`.
 */
export function gridWorkgroups(items: number, blocks: number): Workgroups {
  const z = Math.ceil(items / MAX_WORKGROUPS_PER_DIMENSION);
  return [Math.ceil(items / z), blocks, z];
}

/** Output pixels of all images. */
export function outputPixels(spec: Conv2dSpec): number {
  const [height, width] = conv2dOutputSize(spec);
  return spec.batch * height * width;
}
