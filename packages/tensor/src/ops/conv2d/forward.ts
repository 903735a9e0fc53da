import {
  bindConv2d,
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  conv2d as conv2dKernel,
  conv2dOutputSize,
} from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers, requireOptions } from "../../core/arguments.js";
import { ShapeError } from "../../core/errors.js";
import { showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import type { BufferBinding } from "../../device/bind-groups.js";
import type { Device } from "../../device/device.js";
import { requireDtype } from "../dtype-check.js";
import type { ConvolutionAttrs } from "../fusion.js";
import { requireStored } from "../half.js";
import { keepPacking, LaunchCache } from "../launch-cache.js";
import { defineOp, packed } from "../op.js";
import type { OpRun } from "../spec.js";

export type Pair = number | readonly [number, number];

/** Options of `conv2d`, PyTorch's names. */
export interface Conv2dParams {
  stride?: Pair | undefined;
  /** Zeros on each side: one number, `[height, width]` or `[top, bottom, left, right]`. */
  padding?: Pair | readonly [number, number, number, number] | undefined;
  dilation?: Pair | undefined;
  groups?: number | undefined;
}

/** A convolution's attributes with everything spelled out. */
export type Conv2dAttrs = ConvolutionAttrs;

/** Ways to convolve that a program with gradients has beyond a device's own. */
let furthest: NonNullable<Conv2dTraits["further"]> = [];

/** Lets operations on CPU adapters convolve in ways that need temporary memory. */
export function installConvolutions(variants: NonNullable<Conv2dTraits["further"]>): void {
  furthest = variants;
}

/**
 * What the convolution kernels' choosers need to know of a device.
 *
 * @param scratch whether launches get the temporary memory that some ask for, as those of operations do
 */
export function conv2dTraits(device: Device, scratch = false): Conv2dTraits {
  const { limits } = device;
  return {
    maxInvocations: limits.maxComputeInvocationsPerWorkgroup,
    maxWorkgroupStorage: limits.maxComputeWorkgroupStorageSize,
    maxUniformBinding: limits.maxUniformBufferBindingSize,
    maxStorageBinding: limits.maxStorageBufferBindingSize,
    subgroups: device.has("subgroups"),
    subgroupSize: device.adapter.subgroupSize,
    f16: device.has("shader-f16"),
    software: device.adapter.software,
    further: scratch ? [...furthest, ...(device.convolutions ?? [])] : device.convolutions,
    scratch,
  };
}

/** The kernels' spec for an NHWC input and an OIHW weight. */
export function conv2dSpec(x: TensorInfo, weight: TensorInfo, attrs: Conv2dAttrs): Conv2dSpec {
  const [batch, inHeight, inWidth, inChannels] = x.shape;
  const [outChannels, , kh, kw] = weight.shape;
  return {
    batch,
    inHeight,
    inWidth,
    inChannels,
    outChannels,
    kernelSize: [kh, kw],
    ...attrs,
    activation: { kind: "none" },
  };
}

/** What a launch reads and writes. */
export interface LaunchTensors {
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly bias?: Tensor | undefined;
  readonly residual?: Tensor | undefined;
  readonly y: Tensor;
}

/** Packs the weights and dispatches a launch from `x` to `y`. */
export function runLaunch(run: OpRun, launch: Conv2dLaunch, tensors: LaunchTensors): void {
  const { x, weight, bias, residual, y } = tensors;
  const pack = launch.pack(bias !== undefined);
  const room = { elements: launch.packedLength, written: launch.packedWritten };
  const buffer = packed(run, pack, [weight, bias ?? weight], room);
  const parts = {
    input: x,
    output: y,
    residual,
    scratch: launch.scratch?.map((elements) => run.scratch(elements)),
    packed: (offset: number, size: number) => packedSlice(buffer, offset, size),
  };
  for (const dispatch of launch.dispatches) {
    run.kernel(dispatch.kernel, bindConv2d<Tensor | BufferBinding>(dispatch, parts));
  }
}

const launches = /* @__PURE__ */ new LaunchCache<Conv2dLaunch>();

export const conv2dOp = /* @__PURE__ */ defineOp<Conv2dAttrs>({
  name: "conv2d",
  fusion: { computes: (attrs) => ({ kind: "convolution", ...attrs }) },
  outputs: ([x, weight, bias], attrs) => {
    checkShapes(x, weight, bias, attrs);
    const [height, width] = conv2dOutputSize(conv2dSpec(x, weight, attrs));
    if (height < 1 || width < 1) {
      throw new ShapeError(
        `conv2d: kernel ${showShape(weight.shape)} does not fit the padded input ${showShape(x.shape)}; add padding, or take a smaller kernel`,
      );
    }
    return [{ shape: [x.shape[0], height, width, weight.shape[0]], dtype: x.dtype }];
  },
  forward: (run, [x, weight, bias], [y], attrs) => {
    const spec = conv2dSpec(x, weight, attrs);
    const launch = launches.get(run.device, spec, () =>
      keepPacking(conv2dKernel(spec, conv2dTraits(run.device, true))),
    );
    runLaunch(run, launch, { x, weight, bias, y });
  },
});

/**
 * 2-D convolution (cross-correlation, as PyTorch's `conv2d`).
 *
 * @param x `[n, h, w, cin]` @param weight `[cout, cin / groups, kh, kw]` @param bias `[cout]`
 * @returns `[n, h', w', cout]` with h' = ⌊(h + padding − dilation·(kh − 1) − 1) / stride⌋ + 1
 * @throws ShapeError naming the shapes that do not fit
 */
export function conv2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  params: Conv2dParams = {},
): Tensor {
  const inputs = bias ? [x, weight, bias] : [x, weight];
  return conv2dOp(inputs, conv2dAttrs("conv2d", params))[0];
}

/** @throws TensorError `ARGUMENT` for an unknown option, or one that is no size */
export function conv2dAttrs(
  name: string,
  params: Conv2dParams,
  more: readonly string[] = [],
): Conv2dAttrs {
  requireOptions(name, params, ["stride", "padding", "dilation", "groups", ...more]);
  const stride = toPair(params.stride ?? 1);
  const padding = toPadding(params.padding ?? 0);
  const dilation = toPair(params.dilation ?? 1);
  const { groups = 1 } = params;
  requireIntegers(`${name}'s stride, dilation and groups`, [...stride, ...dilation, groups], 1);
  requireIntegers(`${name}'s padding`, padding, 0);
  return { stride, padding, dilation, groups };
}

export function toPair(value: Pair): readonly [number, number] {
  return typeof value === "number" ? [value, value] : value;
}

function toPadding(
  value: Pair | readonly [number, number, number, number],
): readonly [number, number, number, number] {
  if (typeof value === "number") return [value, value, value, value];
  return value.length === 4 ? value : [value[0], value[0], value[1], value[1]];
}

/** `elements` of a packed buffer from element `offset` on. */
export function packedSlice(
  buffer: BufferBinding,
  offset: number,
  elements: number,
): BufferBinding {
  return { buffer: buffer.buffer, offset: (buffer.offset ?? 0) + offset * 4, size: elements * 4 };
}

function checkShapes(
  x: TensorInfo,
  weight: TensorInfo,
  bias: TensorInfo | undefined,
  { groups }: Conv2dAttrs,
): void {
  requireStored("conv2d", x);
  for (const one of bias ? [weight, bias] : [weight]) requireDtype("conv2d's weights", one, "f32");
  const shapes = `input ${showShape(x.shape)} and weight ${showShape(weight.shape)}`;
  if (x.shape.length !== 4 || weight.shape.length !== 4) {
    throw new ShapeError(`conv2d takes NHWC input and OIHW weight, not ${shapes}; reshape them`);
  }
  const [outChannels, perGroup] = weight.shape;
  if (x.shape[3] !== perGroup * groups || outChannels % groups !== 0) {
    throw new ShapeError(
      `conv2d: ${shapes} do not fit in ${groups} group(s): the input's last axis must be the weight's second times the groups`,
    );
  }
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outChannels)) {
    throw new ShapeError(
      `conv2d: bias ${showShape(bias.shape)} for weight ${showShape(weight.shape)}; it must be [${outChannels}]`,
    );
  }
}
