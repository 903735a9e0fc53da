import {
  batchNormBackwardInference,
  batchNormBackwardInput,
  batchNormBackwardParameters,
  batchNormNormalize,
  batchNormStatistics,
  batchNormUpdateRunning,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../errors.js";
import { sameShape, showShape } from "../shape.js";
import type { Tensor, TensorInfo } from "../tensor.js";
import { requireDtype } from "./dtype-check.js";
import { defineOp, record } from "./op.js";

interface BatchNormAttrs {
  readonly eps: number;
  /** Slope of a leaky ReLU behind it, in the same kernels. */
  readonly slope?: number;
}

interface TrainingAttrs extends BatchNormAttrs {
  /** Of the running statistics, which are then inputs too. */
  readonly momentum?: number;
}

function dimensions(x: TensorInfo & { readonly size?: number }) {
  const channels = x.shape[x.shape.length - 1];
  return { rows: x.shape.slice(0, -1).reduce((a, b) => a * b, 1), channels };
}

function check(x: TensorInfo, perChannel: readonly TensorInfo[]): void {
  requireDtype("batchNorm", x, "f32");
  const channels = x.shape.slice(-1);
  for (const t of perChannel) {
    if (x.shape.length === 0 || !sameShape(t.shape, channels)) {
      throw new ShapeError(
        `batchNorm: a per-channel tensor ${showShape(t.shape)} for x ${showShape(x.shape)}; it must be ${showShape(channels)}`,
      );
    }
  }
}

/** Gradients to gamma and beta, and both in one, from g, x, mean, variance and, with an activation, y. */
const parameterGradients = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormParameterGradients",
  outputs: ([, , mean]) => [mean, mean, { shape: [2, ...mean.shape], dtype: mean.dtype }],
  forward: (run, inputs, gradients, attrs) => {
    const plan = batchNormBackwardParameters({ ...dimensions(inputs[1]), ...attrs });
    const scratch = run.scratch(plan.scratch[0]);
    run.kernel(plan.kernels[0], [...inputs, scratch]);
    run.kernel(plan.kernels[1], [scratch, ...gradients]);
  },
});

/** Gradient to x through the batch's own statistics. */
const inputGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInputGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInput({ ...dimensions(gx), ...attrs }), [...inputs, gx]),
});

/** Gradient to x with given statistics. */
const inferenceGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInferenceGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInference({ ...dimensions(gx), ...attrs }), [...inputs, gx]),
});

const inferenceOp = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNorm",
  outputs: ([x, ...perChannel]) => {
    check(x, perChannel);
    return [x];
  },
  forward: (run, inputs, [y], attrs) =>
    run.kernel(batchNormNormalize({ ...dimensions(y), ...attrs }), [...inputs, y]),
  backward: ([g], [x, mean, variance, gamma], [y], attrs, needs) => {
    if (!g) return [];
    const activated = attrs.slope === undefined ? [] : [y];
    const [gx] = needs[0] ? inferenceGradient([g, variance, gamma, ...activated], attrs) : [];
    const [gGamma, gBeta] =
      needs[3] || needs[4] ? parameterGradients([g, x, mean, variance, ...activated], attrs) : [];
    return [gx, undefined, undefined, gGamma, gBeta];
  },
});

const trainingOp = /* @__PURE__ */ defineOp<TrainingAttrs>({
  name: "batchNormTraining",
  outputs: ([x, ...perChannel]) => {
    check(x, perChannel);
    if (dimensions(x).rows === 0) {
      throw new ShapeError(`batchNorm: ${showShape(x.shape)} has no values to take statistics of`);
    }
    const statistics: TensorInfo = { shape: x.shape.slice(-1), dtype: x.dtype };
    return [x, statistics, statistics];
  },
  forward: (run, [x, gamma, beta, ...running], [y, mean, variance], { momentum, ...attrs }) => {
    const plan = batchNormStatistics({ ...dimensions(x), momentum });
    const scratch = run.scratch(plan.scratch[0]);
    run.kernel(plan.kernels[0], [x, scratch]);
    run.kernel(plan.kernels[1], [scratch, mean, variance, ...running]);
    const normalize = batchNormNormalize({ ...dimensions(x), ...attrs });
    run.kernel(normalize, [x, mean, variance, gamma, beta, y]);
  },
  backward: ([g], [x, gamma], [y, mean, variance], { momentum: _, ...attrs }, needs) => {
    if (!g) return [];
    const activated = attrs.slope === undefined ? [] : [y];
    const values = [x, mean, variance];
    const [gGamma, gBeta, sums] = parameterGradients([g, ...values, ...activated], attrs);
    const [gx] = needs[0] ? inputGradient([g, ...values, gamma, sums, ...activated], attrs) : [];
    return [gx, gGamma, gBeta];
  },
});

/** Per-channel tensors [C] of an inference batch normalisation. */
export interface BatchNormTensors {
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly gamma: Tensor;
  readonly beta: Tensor;
}

/**
 * (x − mean) / √(variance + eps) · gamma + beta over the last axis, with given statistics (Ioffe & Szegedy
 * 2015). The statistics get no gradient.
 */
export function batchNorm(x: Tensor, t: BatchNormTensors, eps = 1e-5): Tensor {
  return inferenceOp([x, t.mean, t.variance, t.gamma, t.beta], { eps })[0];
}

/** A batch norm module's tensors and constants. */
export interface BatchNormLayer {
  readonly gamma: Tensor;
  readonly beta: Tensor;
  readonly runningMean: Tensor;
  readonly runningVariance: Tensor;
  readonly eps: number;
  readonly momentum: number;
  /** Normalise by the batch's statistics and update the running ones in place. */
  readonly training: boolean;
}

/**
 * `batchNorm` or `batchNormTraining`, and behind it a leaky ReLU of this slope (0 for ReLU), without storing
 * what lies between: for training, since a compiled plan fuses both with the convolution before them.
 */
export function batchNormLeakyRelu(x: Tensor, layer: BatchNormLayer, slope: number): Tensor {
  const { gamma, beta, runningMean, runningVariance, eps, momentum } = layer;
  if (!(slope >= 0)) throw new ShapeError(`batchNormLeakyRelu: the slope ${slope} is negative`);
  return layer.training
    ? trainingOp([x, gamma, beta, runningMean, runningVariance], { eps, slope, momentum })[0]
    : inferenceOp([x, runningMean, runningVariance, gamma, beta], { eps, slope })[0];
}

/** What `batchNormTraining` gives: statistics are the batch's own [C], the variance biased. */
export interface BatchNormResult {
  readonly y: Tensor;
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Batch normalisation with the batch's own statistics over all axes but the last. */
export function batchNormTraining(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  eps = 1e-5,
): BatchNormResult {
  const [y, mean, variance] = trainingOp([x, gamma, beta], { eps });
  mean.requiresGrad = false;
  variance.requiresGrad = false;
  return { y, mean, variance };
}

/** What `updateRunningStatistics` needs: `rows` is how many values of each channel the batch had. */
export interface RunningUpdate {
  readonly mean: Tensor;
  readonly variance: Tensor;
  readonly runningMean: Tensor;
  readonly runningVariance: Tensor;
  readonly rows: number;
  readonly momentum: number;
}

/** Updates running statistics in place: r ← (1 − momentum)·r + momentum·batch, variance unbiased. */
export function updateRunningStatistics(update: RunningUpdate): void {
  const { mean, variance, runningMean, runningVariance, rows, momentum } = update;
  const kernel = batchNormUpdateRunning({ rows, channels: mean.size, momentum });
  record(mean.device, (run) => run.kernel(kernel, [mean, variance, runningMean, runningVariance]));
}
