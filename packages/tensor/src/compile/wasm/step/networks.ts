/** Convolutions, batch norm, pools and resizing of a training step, forward and backward. */
import {
  type BatchNormSpec,
  batchNorm,
  batchNormInferenceGradient,
  batchNormInputGradient,
  batchNormParameterGradients,
  batchNormTraining,
  type Conv2dSpec,
  conv2d,
  conv2dInputGradient,
  conv2dPacking,
  conv2dWeightGradient,
  type KernelSequence,
  resizeNearest,
  resizeNearestGradient,
  type SampledResizeSpec,
  sampledResize,
  sampledResizeGradient,
} from "@retinaface-webgpu/kernels-wasm";
import { dimensions, type TrainingAttrs } from "../../../ops/batchnorm/forward.js";
import type { Conv2dAttrs } from "../../../ops/conv2d/forward.js";
import type { InputGradientAttrs } from "../../../ops/conv2d/input-gradient.js";
import {
  isPlainNearest,
  type ResizeAttrs,
  specOf as resizeSpec,
} from "../../../ops/resize/forward.js";
import type { StepValue } from "../../step/graph.js";
import { isRead, type NodeLowering, one, type StepKernel, scratchOf } from "./kernels.js";

/** The kernels' spec for an NHWC input, an OIHW weight and a convolution's attributes. */
function convSpec(x: StepValue, weight: StepValue, attrs: Conv2dAttrs): Conv2dSpec {
  const [batch, inHeight, inWidth, inChannels] = x.info.shape;
  const [outChannels, , height, width] = weight.info.shape;
  const { stride, padding, dilation, groups } = attrs;
  const geometry = { stride, padding, dilation, groups };
  return {
    ...{ batch, inHeight, inWidth, inChannels, outChannels },
    kernelSize: [height, width],
    ...geometry,
    activation: { kind: "none" },
  };
}

/** Kernels one after the other that share some scratch. */
function sequence(
  { kernels, scratchLength }: KernelSequence,
  operands: StepKernel["operands"],
): StepKernel[] {
  const scratch = scratchOf(scratchLength);
  return kernels.map((kernel) => ({ kernel, operands: { ...operands, scratch } }));
}

const convolution: NodeLowering = ({ inputs: [x, weight, bias], outputs: [y], attrs }) => {
  const spec = convSpec(x, weight, attrs as Conv2dAttrs);
  const kernel = conv2d(spec);
  const packed = scratchOf(kernel.packedLength);
  const packing = conv2dPacking(spec, { bias: bias !== undefined });
  return [
    { kernel: packing, operands: { weight, packed, bias } },
    { kernel, operands: { input: x, packed, output: y } },
  ];
};

const inputGradient: NodeLowering = ({ inputs, outputs: [gx], attrs }) => {
  const [gradient, weight, residual] = inputs;
  const { adds = false, ...geometry } = attrs as InputGradientAttrs;
  const { packing, packedLength, kernels } = conv2dInputGradient(convSpec(gx, weight, geometry), {
    adds,
  });
  const packed = scratchOf(packedLength);
  const operands = { gradient, packed, output: gx, residual };
  return [
    ...packing.map((kernel) => ({ kernel, operands: { weight, packed } })),
    ...kernels.map((kernel) => ({ kernel, operands })),
  ];
};

const weightGradient: NodeLowering = ({ inputs: [input, gradient], outputs, attrs }) => {
  const [gradWeight, gradBias] = outputs;
  const spec = convSpec(input, gradWeight, attrs as Conv2dAttrs);
  const operands = { input, gradient, gradWeight, gradBias };
  return sequence(conv2dWeightGradient(spec, { bias: isRead(gradBias) }), operands);
};

function normSpec(x: StepValue, attrs: unknown): BatchNormSpec {
  const { eps, slope } = attrs as TrainingAttrs;
  return { ...dimensions(x.info), eps, slope };
}

const norm: NodeLowering = ({ inputs, outputs: [y], attrs }) => {
  const [x, mean, variance, gamma, beta] = inputs;
  return one(batchNorm(normSpec(x, attrs)), { x, mean, variance, gamma, beta, y });
};

const normOfBatch: NodeLowering = ({ inputs, outputs, attrs }) => {
  const [x, gamma, beta, runningMean, runningVariance] = inputs;
  const [y, mean, variance] = outputs;
  const { momentum } = attrs as TrainingAttrs;
  const kernels = batchNormTraining({
    ...normSpec(x, attrs),
    momentum: runningMean ? momentum : undefined,
  });
  const operands = { x, gamma, beta, y, mean, variance, runningMean, runningVariance };
  return sequence(kernels, operands);
};

const normParameters: NodeLowering = ({ inputs, outputs, attrs }) => {
  const [gradient, x, mean, variance, gamma, beta] = inputs;
  const [gradGamma, gradBeta, sums] = outputs;
  const operands = { gradient, x, mean, variance, gradGamma, gradBeta, sums };
  return sequence(batchNormParameterGradients(normSpec(x, attrs)), { ...operands, gamma, beta });
};

const normInput: NodeLowering = ({ inputs, outputs: [output], attrs }) => {
  const [gradient, x, mean, variance, gamma, sums, beta] = inputs;
  const operands = { gradient, x, mean, variance, gamma, sums, output };
  const kernel = batchNormInputGradient(normSpec(x, attrs));
  return one(kernel, { ...operands, beta });
};

const normGivenInput: NodeLowering = ({ inputs, outputs: [output], attrs }) => {
  const [gradient, variance, gamma, y] = inputs;
  const kernel = batchNormInferenceGradient(normSpec(gradient, attrs));
  return one(kernel, { gradient, variance, gamma, output, y });
};

function plainResize(small: StepValue, large: StepValue) {
  const [batch, inHeight, inWidth, channels] = small.info.shape;
  const [, outHeight, outWidth] = large.info.shape;
  return { batch, inHeight, inWidth, outHeight, outWidth, channels };
}

function sampled(small: StepValue, attrs: ResizeAttrs): SampledResizeSpec {
  const { batch, channels, y, x, mode, rounding = "floor" } = resizeSpec(small.info, attrs);
  return { batch, channels, y, x, sampling: mode === "bilinear" ? mode : rounding };
}

const resize: NodeLowering = ({ inputs: [x], outputs: [y], attrs }) => {
  const options = attrs as ResizeAttrs;
  const kernel = isPlainNearest(options)
    ? resizeNearest(plainResize(x, y))
    : sampledResize(sampled(x, options));
  return one(kernel, { input: x, output: y });
};

const resizeGradient: NodeLowering = ({ inputs: [g], outputs: [gx], attrs }) => {
  const options = attrs as ResizeAttrs;
  if (!isPlainNearest(options)) {
    return one(sampledResizeGradient(sampled(gx, options)), { input: g, output: gx });
  }
  return one(resizeNearestGradient(plainResize(gx, g)), { gradient: g, output: gx });
};

/** By the operations' names. */
export const NETWORKS: Readonly<Record<string, NodeLowering>> = {
  conv2d: convolution,
  conv2dInputGradient: inputGradient,
  conv2dWeightGradient: weightGradient,
  batchNorm: norm,
  batchNormTraining: normOfBatch,
  batchNormParameterGradients: normParameters,
  batchNormInputGradient: normInput,
  batchNormInferenceGradient: normGivenInput,
  resize,
  resizeBackward: resizeGradient,
};
