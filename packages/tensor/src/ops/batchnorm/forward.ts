import {
  batchNormNormalize,
  batchNormUpdateRunning,
  isWholeBatchNorm,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError, TensorError } from "../../core/errors.js";
import { sameShape, showShape } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import type { Device } from "../../device/device.js";
import { requireDtype } from "../dtype-check.js";
import { requireStored } from "../half.js";
import { defineOp } from "../op.js";
import { isRerun } from "../rerun.js";
import type { OpRun, OpSpec } from "../spec.js";

export interface BatchNormAttrs {
  readonly eps: number;
  /** Slope of a leaky ReLU behind it, in the same kernels. */
  readonly slope?: number;
}

export interface TrainingAttrs extends BatchNormAttrs {
  /** Of the running statistics, which are then inputs too. */
  readonly momentum?: number;
}

/** Rows and channels of the last axis. */
export function dimensions(x: TensorInfo & { readonly size?: number }) {
  const channels = x.shape[x.shape.length - 1];
  return { rows: x.shape.slice(0, -1).reduce((a, b) => a * b, 1), channels };
}

/** The same with what the kernels need to know of the adapter. */
export function rowsOf({ device }: OpRun, x: TensorInfo) {
  return { ...dimensions(x), software: device.adapter.software };
}

/** Whether one dispatch each way is expected to be fastest. */
export function isWhole({ device }: { readonly device: Device }, x: TensorInfo): boolean {
  const { adapter, limits } = device;
  const { maxStorageBuffersPerShaderStage: storageBuffers } = limits;
  return isWholeBatchNorm({ ...dimensions(x), software: adapter.software, storageBuffers });
}

function check(x: TensorInfo, perChannel: readonly TensorInfo[]): void {
  requireStored("batchNorm", x);
  for (const one of perChannel) requireDtype("batchNorm's per-channel tensors", one, "f32");
  const channels = x.shape.slice(-1);
  for (const t of perChannel) {
    if (x.shape.length === 0 || !sameShape(t.shape, channels)) {
      throw new ShapeError(
        `batchNorm: a per-channel tensor ${showShape(t.shape)} for x ${showShape(x.shape)}; it must be ${showShape(channels)}`,
      );
    }
  }
}

/** Normalisation with given statistics. */
export const inferenceOp = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNorm",
  fusion: {
    computes: ({ eps, slope }) => ({ kind: "norm", eps, slope }),
    activated: (attrs, slope) =>
      attrs.slope === undefined && slope >= 0 ? { ...attrs, slope } : undefined,
  },
  outputs: ([x, ...perChannel]) => {
    check(x, perChannel);
    return [x];
  },
  forward: (run, inputs, [y], attrs) =>
    run.kernel(batchNormNormalize({ ...rowsOf(run, y), ...attrs }), [...inputs, y]),
});

let normalizeByBatch: OpSpec<TrainingAttrs>["forward"] = () => {
  throw new TensorError(
    "TRAINING_NOT_LOADED",
    'batchNormTraining: import "@retinaface-webgpu/tensor", of which ".../inference" is the part without training',
  );
};

/** Gives `trainingOp` its kernels: apart, so that a program that only runs networks carries none of them. */
export function installBatchNormTraining(forward: OpSpec<TrainingAttrs>["forward"]): void {
  normalizeByBatch = forward;
}

/** Normalisation with the batch's own statistics. */
export const trainingOp = /* @__PURE__ */ defineOp<TrainingAttrs>({
  name: "batchNormTraining",
  updates: [3, 4],
  outputs: ([x, ...perChannel]) => {
    check(x, perChannel);
    if (dimensions(x).rows === 0) {
      throw new ShapeError(
        `batchNorm: ${showShape(x.shape)} has no values to take statistics of; give a batch with values, or use eval()`,
      );
    }
    const statistics: TensorInfo = { shape: x.shape.slice(-1), dtype: "f32" };
    return [x, statistics, statistics];
  },
  forward: (...args) => normalizeByBatch(...args),
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
  if (!(slope >= 0))
    throw new ShapeError(
      `batchNormLeakyRelu: the slope ${slope} is negative; apply leakyRelu() behind batchNorm() instead`,
    );
  return batchNormLayer(x, layer, slope);
}

/** The same without an activation where `slope` is absent. */
export function batchNormLayer(x: Tensor, layer: BatchNormLayer, slope?: number): Tensor {
  const { gamma, beta, runningMean, runningVariance, eps, momentum } = layer;
  if (!layer.training) {
    return inferenceOp([x, runningMean, runningVariance, gamma, beta], { eps, slope })[0];
  }
  if (isRerun()) return trainingOp([x, gamma, beta], { eps, slope })[0];
  return trainingOp([x, gamma, beta, runningMean, runningVariance], { eps, slope, momentum })[0];
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

const runningOp = /* @__PURE__ */ defineOp<{ readonly rows: number; readonly momentum: number }>({
  name: "batchNormUpdateRunning",
  updates: [2, 3],
  outputs: () => [],
  forward: (run, inputs, _, attrs) =>
    run.kernel(batchNormUpdateRunning({ channels: inputs[0].size, ...attrs }), inputs),
});

/** Updates running statistics in place: r ← (1 − momentum)·r + momentum·batch, variance unbiased. */
export function updateRunningStatistics(update: RunningUpdate): void {
  const { mean, variance, runningMean, runningVariance, rows, momentum } = update;
  runningOp([mean, variance, runningMean, runningVariance], { rows, momentum });
}
