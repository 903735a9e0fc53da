import type { Kernel } from "../../kernel.js";

/** What is applied to every output element of a convolution. */
export type Conv2dActivation =
  | { readonly kind: "none" }
  | { readonly kind: "relu" }
  | { readonly kind: "leaky_relu"; readonly slope: number };

/** A tensor added to the convolution, enlarged to the output size by nearest neighbour. */
export interface Conv2dResidual {
  readonly order: "before-activation" | "after-activation";
  /** Size of the residual, NHWC with `batch` images and `outChannels` channels, densely stored. */
  readonly height: number;
  readonly width: number;
  /** How it is stored; f32 when absent. */
  readonly type?: StorageType;
}

/**
 * Output channels that go to a tensor of their own, past an activation of their own: two convolutions of one input with
 * their weights side by side are one dispatch that way.
 */
export interface Conv2dSecond {
  /** The first of those channels, a multiple of 4. */
  readonly from: number;
  readonly activation: Conv2dActivation;
  /** Channels a pixel of the tensor that receives them, and where in it they begin. */
  readonly outStride: number;
  readonly outOffset: number;
}

/**
 * A two-dimensional convolution (cross-correlation, as in PyTorch) of NHWC activations with OIHW
 * weights, with bias, residual and activation fused in.
 */
export interface Conv2dSpec {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly [height: number, width: number];
  readonly stride: readonly [y: number, x: number];
  readonly dilation: readonly [y: number, x: number];
  /** Zeros around the input, in pixels. */
  readonly padding: readonly [top: number, bottom: number, left: number, right: number];
  readonly groups: number;
  readonly activation: Conv2dActivation;
  /** Channels a pixel of the tensor that holds the input; `inChannels` when absent. */
  readonly inStride?: number;
  /** First channel of the input in that tensor; 0 when absent. */
  readonly inOffset?: number;
  /** Channels a pixel of the tensor that receives the output; `outChannels` when absent. */
  readonly outStride?: number;
  /** First channel of the output in that tensor; 0 when absent. Other channels are left alone. */
  readonly outOffset?: number;
  readonly residual?: Conv2dResidual;
  /** For one group and without a residual: `outStride` and `outOffset` are then those of the channels before. */
  readonly second?: Conv2dSecond | undefined;
  /** How the input is stored; f32 when absent. Sums are f32 whatever the operands are. */
  readonly inType?: StorageType;
  /** How the output is stored; f32 when absent. What f16 cannot hold becomes infinite. */
  readonly outType?: StorageType;
}

/** Element type of an operand in memory; `f16` needs the feature `shader-f16`. */
export type StorageType = "f32" | "f16";

/** What a choice between variants depends on: the adapter's limits and features. */
export interface Conv2dTraits {
  /** `maxComputeInvocationsPerWorkgroup`. */
  readonly maxInvocations: number;
  /** `maxComputeWorkgroupStorageSize`, bytes. */
  readonly maxWorkgroupStorage: number;
  /** `maxUniformBufferBindingSize`, bytes. */
  readonly maxUniformBinding: number;
  /** `maxStorageBufferBindingSize`, bytes. */
  readonly maxStorageBinding: number;
  readonly subgroups: boolean;
  /** Invocations of every subgroup; absent where it varies or is unknown. */
  readonly subgroupSize?: number;
  readonly f16: boolean;
  /** The adapter runs shaders on the CPU. */
  readonly software: boolean;
  /** Launches may ask for temporary memory: {@link Conv2dLaunch.scratch}. */
  readonly scratch?: boolean;
  /** Ways to convolve beyond those that every adapter has: {@link CPU_FORWARD} of `kernels-wgsl/conv2d-cpu`. */
  readonly further?: readonly Variant<ForwardLaunch>[];
}

/** A way to do something with a convolution: which specs it takes, and its launch. */
export interface Variant<Launch> {
  readonly name: string;
  readonly supports: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  /** Whether it is expected to beat the variants after it; always when absent. */
  readonly suits?: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  readonly launch: Launch;
}

/** With `transposed` it takes the weights of the convolution whose input gradient the spec computes. */
export type ForwardLaunch = (spec: Conv2dSpec, transposed: boolean) => Conv2dLaunch;

/** Whether a kernel is 3×3 and takes every pixel's own neighbours: what Winograd's transforms are made for. */
export function isDense3x3({ kernelSize, stride, dilation }: Conv2dSpec): boolean {
  return [...kernelSize, ...stride, ...dilation].join() === "3,3,1,1,1,1";
}

/** A buffer that a dispatch binds: by its role, a temporary one, or a slice of the packed one, in elements. */
export type Conv2dOperand =
  | "input"
  | "residual"
  | "output"
  | "second"
  | "depthwise"
  | { readonly scratch: number }
  | { readonly packedOffset: number; readonly packedSize: number };

/** One dispatch of a convolution and what it binds, in order; its `params` come after those. */
export interface Conv2dDispatch {
  readonly kernel: Kernel;
  /** Offsets of slices are multiples of 64 elements. */
  readonly operands: readonly Conv2dOperand[];
}

/** The parts that `bindConv2d` puts in a dispatch's order. */
export interface Conv2dParts<T> {
  readonly input: T;
  readonly output: T;
  /** Needed where the spec has a residual. */
  readonly residual?: T | undefined;
  /** What receives the channels of the spec's `second`: another buffer than `output`. */
  readonly second?: T | undefined;
  /** All packed weights of the depthwise convolution that a `depthwisePoint` computes first. */
  readonly depthwise?: T | undefined;
  /** The temporary buffers of a launch that has any. */
  readonly scratch?: readonly T[];
  /** The slice of `size` elements from element `offset` of the packed buffer on. */
  readonly packed: (offset: number, size: number) => T;
}

/**
 * The operands of a dispatch, in the order of its bindings. Some kernels take a residual or do
 * without by a parameter: where the spec has none, they are given the input, and do not read it.
 */
export function bindConv2d<T>({ operands }: Conv2dDispatch, parts: Conv2dParts<T>): T[] {
  return operands.map((operand) => {
    if (operand === "input") return parts.input;
    if (operand === "output") return parts.output;
    if (operand === "second") return parts.second!;
    if (operand === "depthwise") return parts.depthwise!;
    if (operand === "residual") return parts.residual ?? parts.input;
    if ("scratch" in operand) return parts.scratch![operand.scratch]!;
    return parts.packed(operand.packedOffset, operand.packedSize);
  });
}

/** A convolution as plain data: how to prepare its weights once, and what to dispatch each time. */
export interface Conv2dLaunch {
  readonly variant: string;
  /** Elements (f32) of the buffer with packed weights and bias. */
  readonly packedLength: number;
  /** Those of them that packing fills; behind lies room, as slices are bound at a fixed size. */
  readonly packedWritten: number;
  /**
   * Fills the packed buffer. Bindings: OIHW weight, bias (any buffer of at least 16 bytes when
   * there is none), packed buffer.
   */
  readonly pack: (hasBias: boolean) => Kernel;
  /** Elements (f32) of the temporary buffers that its dispatches bind; none where the traits do not say that there are. */
  readonly scratch?: readonly number[];
  /** Independent of each other but for temporary buffers: where a launch has these, in their order. */
  readonly dispatches: readonly Conv2dDispatch[];
}

/** A spec that describes no convolution; the message names the field and its remedy. */
export class Conv2dSpecError extends Error {
  readonly code = "CONV2D_SPEC";
  override readonly name = "Conv2dSpecError";
}

/** Output size: `floor((in + padding - dilation * (kernel - 1) - 1) / stride) + 1` on each axis. */
export function conv2dOutputSize(
  spec: Pick<Conv2dSpec, "inHeight" | "inWidth" | "kernelSize" | "stride" | "dilation" | "padding">,
): readonly [height: number, width: number] {
  const [kh, kw] = spec.kernelSize;
  const [top, bottom, left, right] = spec.padding;
  const rows = spec.inHeight + top + bottom - spec.dilation[0] * (kh - 1) - 1;
  const columns = spec.inWidth + left + right - spec.dilation[1] * (kw - 1) - 1;
  return [Math.floor(rows / spec.stride[0]) + 1, Math.floor(columns / spec.stride[1]) + 1];
}

/**
 * Floating-point operations of one forward pass, a multiply-add counting 2.
 *
 * @param pixels output pixels of all images, if not those of the spec
 */
export function conv2dFlops(spec: Conv2dSpec, pixels?: number): number {
  const [height, width] = conv2dOutputSize(spec);
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  const perOutput = taps * (spec.inChannels / spec.groups);
  return 2 * (pixels ?? spec.batch * height * width) * spec.outChannels * perOutput;
}

/** Bytes that move at least once: input, weights and output. */
export function conv2dBytes(spec: Conv2dSpec): number {
  const [height, width] = conv2dOutputSize(spec);
  const input = spec.batch * spec.inHeight * spec.inWidth * spec.inChannels;
  const output = spec.batch * height * width * spec.outChannels;
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  const weights = taps * spec.outChannels * (spec.inChannels / spec.groups);
  const bytes = (type: StorageType = "f32") => (type === "f16" ? 2 : 4);
  return bytes(spec.inType) * input + bytes(spec.outType) * output + 4 * weights;
}

/**
 * Checks the spec's numbers against each other.
 * @throws {Conv2dSpecError} with the offending field
 */
export function checkConv2dSpec(spec: Conv2dSpec): void {
  const fail = (message: string): never => {
    throw new Conv2dSpecError(`conv2d: ${message}`);
  };
  const counts = {
    batch: [spec.batch],
    inHeight: [spec.inHeight],
    inWidth: [spec.inWidth],
    inChannels: [spec.inChannels],
    outChannels: [spec.outChannels],
    kernelSize: spec.kernelSize,
    stride: spec.stride,
    dilation: spec.dilation,
    groups: [spec.groups],
  };
  for (const [field, values] of Object.entries(counts)) {
    if (!values.every((v) => Number.isInteger(v) && v > 0)) {
      fail(`${field} is ${values.join("×")}; give positive integers`);
    }
  }
  if (!spec.padding.every((v) => Number.isInteger(v) && v >= 0)) {
    fail(`padding is ${spec.padding.join(",")}; give integers that are not negative`);
  }
  for (const field of ["inChannels", "outChannels"] as const) {
    if (spec[field] % spec.groups !== 0) {
      fail(`${field} ${spec[field]} is not divisible by ${spec.groups} groups`);
    }
  }
  checkSlice(fail, "in", spec.inChannels, spec.inStride, spec.inOffset);
  const { second, outChannels } = spec;
  if (second) checkSecond(fail, spec, second);
  checkSlice(fail, "out", second?.from ?? outChannels, spec.outStride, spec.outOffset);
  const size = conv2dOutputSize(spec);
  if (size[0] < 1 || size[1] < 1) {
    fail(
      `kernel ${spec.kernelSize.join("×")} does not fit the padded input ` +
        `${spec.inHeight}×${spec.inWidth}; enlarge the input or the padding`,
    );
  }
}

function checkSecond(
  fail: (message: string) => never,
  { outChannels, groups, residual }: Conv2dSpec,
  { from, outStride, outOffset }: Conv2dSecond,
): void {
  if (!(from > 0 && from < outChannels && from % 4 === 0)) {
    fail(
      `the second output begins at channel ${from} of ${outChannels}; give a multiple of 4 within`,
    );
  }
  if (groups > 1 || residual) fail("a second output takes one group and no residual");
  checkSlice(fail, "out", outChannels - from, outStride, outOffset);
}

function checkSlice(
  fail: (message: string) => never,
  side: "in" | "out",
  channels: number,
  stride = channels,
  offset = 0,
): void {
  if (!(offset >= 0) || offset + channels > stride) {
    fail(`${channels} channels from ${offset} on do not fit ${side}Stride ${stride}`);
  }
}
