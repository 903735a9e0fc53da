import {
  batchNormBackwardInput,
  batchNormBackwardParameters,
  batchNormNormalize,
  batchNormStatistics,
  batchNormUpdateRunning,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../errors.js";
import { sameShape, showShape } from "../shape.js";
import type { Tensor, TensorInfo } from "../tensor.js";
import { mul } from "./binary.js";
import { requireDtype } from "./dtype-check.js";
import { defineOp, record } from "./op.js";
import { addScalar, rsqrt } from "./unary.js";

interface BatchNormAttrs {
  readonly eps: number;
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

/** Gradients to gamma and beta from (g, x, mean, variance). */
const parameterGradients = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormParameterGradients",
  outputs: ([, , mean]) => [mean, mean],
  forward: (run, [g, x, mean, variance], [gGamma, gBeta], { eps }) => {
    const plan = batchNormBackwardParameters({ ...dimensions(x), eps });
    const scratch = run.scratch(plan.scratch[0]);
    run.kernel(plan.kernels[0], [g, x, mean, variance, scratch]);
    run.kernel(plan.kernels[1], [scratch, gGamma, gBeta]);
  },
});

/** Gradient to x through the batch's own statistics. */
const inputGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInputGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], { eps }) =>
    run.kernel(batchNormBackwardInput({ ...dimensions(gx), eps }), [...inputs, gx]),
});

const inferenceOp = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNorm",
  outputs: ([x, ...perChannel]) => {
    check(x, perChannel);
    return [x];
  },
  forward: (run, inputs, [y], { eps }) =>
    run.kernel(batchNormNormalize({ ...dimensions(y), eps }), [...inputs, y]),
  backward: ([g], [x, mean, variance, gamma], _, attrs, needs) => {
    if (!g) return [];
    const gx = needs[0] ? mul(g, mul(gamma, rsqrt(addScalar(variance, attrs.eps)))) : undefined;
    const parameters = needs[3] || needs[4];
    const [gGamma, gBeta] = parameters ? parameterGradients([g, x, mean, variance], attrs) : [];
    return [gx, undefined, undefined, gGamma, gBeta];
  },
});

const trainingOp = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormTraining",
  outputs: ([x, ...perChannel]) => {
    check(x, perChannel);
    if (dimensions(x).rows === 0) {
      throw new ShapeError(`batchNorm: ${showShape(x.shape)} has no values to take statistics of`);
    }
    const statistics: TensorInfo = { shape: x.shape.slice(-1), dtype: x.dtype };
    return [x, statistics, statistics];
  },
  forward: (run, [x, gamma, beta], [y, mean, variance], { eps }) => {
    const plan = batchNormStatistics(dimensions(x));
    const scratch = run.scratch(plan.scratch[0]);
    run.kernel(plan.kernels[0], [x, scratch]);
    run.kernel(plan.kernels[1], [scratch, mean, variance]);
    const normalize = batchNormNormalize({ ...dimensions(x), eps });
    run.kernel(normalize, [x, mean, variance, gamma, beta, y]);
  },
  backward: ([g], [x, gamma], [, mean, variance], attrs, needs) => {
    if (!g) return [];
    const [gGamma, gBeta] = parameterGradients([g, x, mean, variance], attrs);
    const gx = needs[0]
      ? inputGradient([g, x, mean, variance, gamma, gGamma, gBeta], attrs)[0]
      : undefined;
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
