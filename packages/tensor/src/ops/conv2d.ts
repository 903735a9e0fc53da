import {
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  conv2dBackwardInput,
  conv2dBackwardWeight,
  conv2d as conv2dKernel,
  conv2dOutputSize,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Device } from "../device/device.js";
import type { BufferBinding } from "../device/recorder.js";
import { ShapeError } from "../errors.js";
import { type Shape, showShape } from "../shape.js";
import type { Tensor, TensorInfo } from "../tensor.js";
import { add } from "./binary.js";
import { defineOp, type Op, type OpRun } from "./op.js";

type Pair = number | readonly [number, number];

/** Options of `conv2d`, PyTorch's names. */
export interface Conv2dParams {
  stride?: Pair;
  /** Zeros on each side: one number, `[height, width]` or `[top, bottom, left, right]`. */
  padding?: Pair | readonly [number, number, number, number];
  dilation?: Pair;
  groups?: number;
}

/** A convolution's attributes with everything spelled out. */
export interface Conv2dAttrs {
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** What the convolution kernels' choosers need to know of a device. */
export function conv2dTraits(device: Device): Conv2dTraits {
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

/** Packs the weights and dispatches a launch from `x` to `y`. */
function runLaunch(
  run: OpRun,
  launch: Conv2dLaunch,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  y: Tensor,
): void {
  const packed = run.scratch(launch.packedLength);
  run.kernel(launch.pack(bias !== undefined), [weight, bias ?? weight, packed]);
  for (const { kernel, packedOffset, packedSize } of launch.dispatches) {
    run.kernel(kernel, [x, slice(packed, packedOffset, packedSize), y]);
  }
}

type GradientAttrs = Conv2dAttrs & {
  /** Shape of the convolution's input. */
  readonly inputShape: Shape;
};

/** Gradient towards the input, which is also the transposed convolution. Inputs: g, weight. */
const inputGradientOp: Op<GradientAttrs> = defineOp<GradientAttrs>({
  name: "conv2dInputGradient",
  outputs: ([g], { inputShape }) => [{ shape: inputShape, dtype: g.dtype }],
  forward: (run, [g, weight], [gx], attrs) => {
    const spec = conv2dSpec(gx, weight, attrs);
    runLaunch(run, conv2dBackwardInput(spec, conv2dTraits(run.device)), g, weight, undefined, gx);
  },
  backward: ([gg], [g, weight], _, attrs, needs) => {
    if (!gg) return [];
    return [
      needs[0] ? conv2dOp([gg, weight], attrs)[0] : undefined,
      needs[1] ? weightGradientOp([gg, g], { ...attrs, weightShape: weight.shape })[0] : undefined,
    ];
  },
});

/** Gradients towards weight and bias. Inputs: x, g. */
const weightGradientOp = /* @__PURE__ */ defineOp<Conv2dAttrs & { readonly weightShape: Shape }>({
  name: "conv2dWeightGradient",
  outputs: ([x], { weightShape }) => [
    { shape: weightShape, dtype: x.dtype },
    { shape: [weightShape[0]], dtype: x.dtype },
  ],
  forward: (run, [x, g], [gWeight, gBias], attrs) => {
    const launch = conv2dBackwardWeight(conv2dSpec(x, gWeight, attrs), conv2dTraits(run.device));
    const scratch = run.scratch(launch.scratchLength);
    run.kernel(launch.partial, [x, g, scratch]);
    run.kernel(launch.finish(true), [scratch, gWeight, gBias]);
  },
});

const conv2dOp: Op<Conv2dAttrs> = defineOp<Conv2dAttrs>({
  name: "conv2d",
  outputs: ([x, weight, bias], attrs) => {
    checkShapes(x, weight, bias, attrs);
    const [height, width] = conv2dOutputSize(conv2dSpec(x, weight, attrs));
    if (height < 1 || width < 1) {
      throw new ShapeError(
        `conv2d: kernel ${showShape(weight.shape)} does not fit the padded input ${showShape(x.shape)}`,
      );
    }
    return [{ shape: [x.shape[0], height, width, weight.shape[0]], dtype: x.dtype }];
  },
  forward: (run, [x, weight, bias], [y], attrs) => {
    const launch = conv2dKernel(conv2dSpec(x, weight, attrs), conv2dTraits(run.device));
    runLaunch(run, launch, x, weight, bias, y);
  },
  backward: ([g], [x, weight], _, attrs, needs) => {
    if (!g) return [];
    const gx = needs[0]
      ? inputGradientOp([g, weight], { ...attrs, inputShape: x.shape })[0]
      : undefined;
    const [gWeight, gBias] =
      needs[1] || needs[2] ? weightGradientOp([x, g], { ...attrs, weightShape: weight.shape }) : [];
    return [gx, gWeight, gBias];
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
  return conv2dOp(inputs, conv2dAttrs(params))[0];
}

/** Options of `convTranspose2d`: as `conv2d`, and rows and columns added at the bottom and right. */
export interface ConvTranspose2dParams extends Conv2dParams {
  outputPadding?: Pair;
}

/**
 * Transposed 2-D convolution (PyTorch's `conv_transpose2d`): the gradient of `conv2d` towards its input.
 *
 * @param x `[n, h, w, cin]` @param weight `[cin, cout / groups, kh, kw]` @param bias `[cout]`
 * @returns `[n, h', w', cout]` with h' = (h − 1)·stride − padding + dilation·(kh − 1) + outputPadding + 1
 * @throws ShapeError naming the shapes that do not fit
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  params: ConvTranspose2dParams = {},
): Tensor {
  const attrs = conv2dAttrs(params);
  const extra = toPair(params.outputPadding ?? 0);
  if (x.rank !== 4 || weight.rank !== 4 || x.shape[3] !== weight.shape[0]) {
    throw new ShapeError(
      `convTranspose2d: input ${showShape(x.shape)} (NHWC) and weight ${showShape(weight.shape)} ` +
        "(cin, cout / groups, kh, kw) do not fit",
    );
  }
  if (extra.some((n, axis) => n >= Math.max(attrs.stride[axis], attrs.dilation[axis], 1))) {
    throw new ShapeError(
      `convTranspose2d: outputPadding ${showShape(extra)} must be less than stride ` +
        `${showShape(attrs.stride)} or dilation ${showShape(attrs.dilation)}`,
    );
  }
  const [height, width] = ([0, 1] as const).map(
    (axis) =>
      (x.shape[1 + axis] - 1) * attrs.stride[axis] -
      attrs.padding[axis * 2] -
      attrs.padding[axis * 2 + 1] +
      attrs.dilation[axis] * (weight.shape[2 + axis] - 1) +
      extra[axis] +
      1,
  );
  const inputShape = [x.shape[0], height, width, weight.shape[1] * attrs.groups];
  const y = inputGradientOp([x, weight], { ...attrs, inputShape })[0];
  return bias ? add(y, bias) : y;
}

export function conv2dAttrs(params: Conv2dParams): Conv2dAttrs {
  return {
    stride: toPair(params.stride ?? 1),
    padding: toPadding(params.padding ?? 0),
    dilation: toPair(params.dilation ?? 1),
    groups: params.groups ?? 1,
  };
}

function toPair(value: Pair): readonly [number, number] {
  return typeof value === "number" ? [value, value] : value;
}

function toPadding(
  value: Pair | readonly [number, number, number, number],
): readonly [number, number, number, number] {
  if (typeof value === "number") return [value, value, value, value];
  return value.length === 4 ? value : [value[0], value[0], value[1], value[1]];
}

function slice(packed: BufferBinding, offset: number, elements: number): BufferBinding {
  return { buffer: packed.buffer, offset: (packed.offset ?? 0) + offset * 4, size: elements * 4 };
}

function checkShapes(
  x: TensorInfo,
  weight: TensorInfo,
  bias: TensorInfo | undefined,
  { groups }: Conv2dAttrs,
): void {
  const shapes = `input ${showShape(x.shape)} and weight ${showShape(weight.shape)}`;
  if (x.shape.length !== 4 || weight.shape.length !== 4) {
    throw new ShapeError(`conv2d takes NHWC input and OIHW weight, not ${shapes}`);
  }
  const [outChannels, perGroup] = weight.shape;
  if (x.shape[3] !== perGroup * groups || outChannels % groups !== 0) {
    throw new ShapeError(`conv2d: ${shapes} do not fit in ${groups} group(s)`);
  }
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outChannels)) {
    throw new ShapeError(
      `conv2d: bias ${showShape(bias.shape)} for weight ${showShape(weight.shape)}`,
    );
  }
}
