/** Batch normalisation over the last axis of a tensor seen as rows of channels, forward and backward. */

import { BatchNorm } from "./gradient-records.js";
import { defineKernel, type Kernel, type KernelSequence, rowsFor } from "./kernel.js";
import { Opcode } from "./records.js";

/** A contiguous tensor as rows of channels, at least one: rows = N·H·W. */
export interface BatchNormSpec {
  readonly rows: number;
  readonly channels: number;
  readonly eps: number;
  /** Slope of the leaky ReLU that follows, at least 0 (0: ReLU); absent: none does. */
  readonly slope?: number | undefined;
}

/** Floats of a segment at least. */
const SEGMENT_FLOATS = 8 * 1024;
/**
 * Floats of a chunk of each tensor that is read or written: 24 KiB together stay in the first-level cache while the
 * channels go by.
 */
const CHUNK_FLOATS = 6 * 1024;
/** Segments that are summed up by themselves at most: all are then merged in one step. */
const MOST_SEGMENTS = 32;

interface Parts {
  readonly name: string;
  readonly opcode: Opcode;
  readonly chunks: number;
  readonly chunkRows: number;
  /** The field of each operand. */
  readonly operands: Readonly<Record<string, number>>;
  readonly integers?: Readonly<Record<number, number>>;
  readonly floats?: Readonly<Record<number, number>>;
  readonly flops: number;
}

function kernelOf({ rows, channels, eps, slope }: BatchNormSpec, parts: Parts): Kernel {
  const operands = Object.entries(parts.operands);
  return defineKernel({
    name: parts.name,
    opcode: parts.opcode,
    size: BatchNorm.size,
    chunks: parts.chunks,
    integers: {
      [BatchNorm.rows]: rows,
      [BatchNorm.channels]: channels,
      [BatchNorm.activated]: slope === undefined ? 0 : 1,
      [BatchNorm.chunkRows]: parts.chunkRows,
      ...parts.integers,
    },
    floats: { [BatchNorm.eps]: eps, [BatchNorm.slope]: slope ?? 1, ...parts.floats },
    operands: operands.map(([operand, field]) => ({ operand, field, offset: 0 })),
    flops: rows * channels * parts.flops,
  });
}

/** @param tensors that are read or written */
function pointwise(
  spec: BatchNormSpec,
  tensors: number,
  parts: Omit<Parts, "chunks" | "chunkRows">,
): Kernel {
  const chunkRows = rowsFor(CHUNK_FLOATS / tensors, spec.channels);
  return kernelOf(spec, { ...parts, chunks: Math.ceil(spec.rows / chunkRows), chunkRows });
}

/**
 * (x − mean) / √(variance + eps) · gamma + beta, then the activation, with given statistics. Operands `x`,
 * `mean`, `variance`, `gamma`, `beta`, `y`.
 */
export function batchNorm(spec: BatchNormSpec): Kernel {
  return pointwise(spec, 2, {
    name: "batch norm",
    opcode: Opcode.BatchNormNormalize,
    operands: {
      x: BatchNorm.x,
      mean: BatchNorm.mean,
      variance: BatchNorm.variance,
      gamma: BatchNorm.gamma,
      beta: BatchNorm.beta,
      y: BatchNorm.output,
    },
    flops: 4,
  });
}

/** Rows cut into segments, and the floats that they leave to be merged. */
function segmentsOf({ rows, channels }: BatchNormSpec) {
  const chunkRows = Math.max(rowsFor(SEGMENT_FLOATS, channels), Math.ceil(rows / MOST_SEGMENTS));
  const segments = Math.ceil(rows / chunkRows);
  return { chunkRows, segments, scratchLength: segments * Math.ceil(channels / 4) * 8 };
}

/**
 * The same with the batch's own statistics. Operands `x`, `gamma`, `beta`, `y`, `mean`, `variance` (biased),
 * `scratch` and, with `momentum`, `runningMean` and `runningVariance`, updated in place as PyTorch does: r ←
 * (1 − momentum)·r + momentum·batch, with the unbiased variance.
 */
export function batchNormTraining(
  spec: BatchNormSpec & { readonly momentum?: number | undefined },
): KernelSequence {
  const { rows, momentum } = spec;
  const { chunkRows, segments, scratchLength } = segmentsOf(spec);
  const running = {
    runningMean: BatchNorm.runningMean,
    runningVariance: BatchNorm.runningVariance,
  };
  const statistics = kernelOf(spec, {
    name: "batch norm statistics",
    opcode: Opcode.BatchNormStatistics,
    chunks: segments,
    chunkRows,
    operands: {
      x: BatchNorm.x,
      mean: BatchNorm.mean,
      variance: BatchNorm.variance,
      ...(momentum === undefined ? {} : running),
      scratch: BatchNorm.partial,
    },
    integers: { [BatchNorm.segments]: segments },
    floats: {
      [BatchNorm.momentum]: momentum ?? 0,
      [BatchNorm.unbias]: rows > 1 ? rows / (rows - 1) : 1,
    },
    flops: 5,
  });
  return { kernels: [statistics, batchNorm(spec)], scratchLength };
}

/**
 * Gradients to gamma and beta. Operands `gradient` (of y), `x`, `mean`, `variance`, with an activation
 * `gamma` and `beta`, then `gradGamma`, `gradBeta`, `sums` (`[2, channels]`: both once more, for
 * `batchNormInputGradient`) and `scratch`.
 */
export function batchNormParameterGradients(spec: BatchNormSpec): KernelSequence {
  const { chunkRows, segments, scratchLength } = segmentsOf(spec);
  const sums = kernelOf(spec, {
    name: "batch norm sums",
    opcode: Opcode.BatchNormSums,
    chunks: segments,
    chunkRows,
    operands: {
      gradient: BatchNorm.gradient,
      x: BatchNorm.x,
      mean: BatchNorm.mean,
      variance: BatchNorm.variance,
      ...(spec.slope === undefined ? {} : { gamma: BatchNorm.gamma, beta: BatchNorm.beta }),
      gradGamma: BatchNorm.gradGamma,
      gradBeta: BatchNorm.gradBeta,
      sums: BatchNorm.sums,
      scratch: BatchNorm.partial,
    },
    integers: { [BatchNorm.segments]: segments },
    flops: 4,
  });
  return { kernels: [sums], scratchLength };
}

/**
 * Gradient to x through the batch's own statistics. Operands `gradient` (of y), `x`, `mean`, `variance`,
 * `gamma`, `sums` (of `batchNormParameterGradients`), with an activation `beta`, then `output`.
 */
export function batchNormInputGradient(spec: BatchNormSpec): Kernel {
  return pointwise(spec, 3, {
    name: "batch norm input gradient",
    opcode: Opcode.BatchNormInputGradient,
    operands: {
      gradient: BatchNorm.gradient,
      x: BatchNorm.x,
      mean: BatchNorm.mean,
      variance: BatchNorm.variance,
      gamma: BatchNorm.gamma,
      sums: BatchNorm.sums,
      ...(spec.slope === undefined ? {} : { beta: BatchNorm.beta }),
      output: BatchNorm.output,
    },
    flops: 8,
  });
}

/**
 * Gradient to x with given statistics. Operands `gradient` (of y), `variance`, `gamma`, with an activation `y`, then
 * `output`.
 */
export function batchNormInferenceGradient(spec: BatchNormSpec): Kernel {
  return pointwise(spec, 3, {
    name: "batch norm inference gradient",
    opcode: Opcode.BatchNormInferenceGradient,
    operands: {
      gradient: BatchNorm.gradient,
      variance: BatchNorm.variance,
      gamma: BatchNorm.gamma,
      ...(spec.slope === undefined ? {} : { y: BatchNorm.y }),
      output: BatchNorm.output,
    },
    flops: 2,
  });
}
