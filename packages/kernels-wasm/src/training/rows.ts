import { defineKernel, type Kernel, rowsFor } from "../kernel.js";
import { Opcode } from "../records.js";
import { Mining, RowLoss, RowLossKind } from "./records.js";

/** Elements of a chunk. */
const CHUNK = 1024;

/** `rows` rows of `width` elements. */
export interface RowSpec {
  readonly rows: number;
  readonly width: number;
}

function rowKernel(
  kind: Exclude<keyof typeof RowLossKind, number>,
  { rows, width }: RowSpec,
  operands: readonly (readonly [name: string, field: RowLoss])[],
  ignore = -1,
): Kernel {
  const chunkRows = rowsFor(CHUNK, width);
  return defineKernel({
    name: kind,
    opcode: Opcode.RowLoss,
    size: RowLoss.size,
    chunks: Math.ceil(rows / chunkRows),
    integers: {
      [RowLoss.kind]: RowLossKind[kind],
      [RowLoss.rows]: rows,
      [RowLoss.width]: width,
      [RowLoss.ignore]: ignore,
      [RowLoss.chunkRows]: chunkRows,
    },
    operands: [...operands, ["output", RowLoss.output] as const].map(([operand, field]) => ({
      operand,
      field,
      offset: 0,
    })),
    flops: rows * width * 4,
  });
}

const LABELLED = [
  ["logits", RowLoss.logits],
  ["labels", RowLoss.labels],
] as const;

/** Rows of logits; those labelled `ignoreIndex` count nothing. */
export interface CrossEntropySpec extends RowSpec {
  readonly ignoreIndex: number;
}

/** NaN for a label that is neither a class nor ignored. Operands `logits`, `labels` (i32), `output`. */
export function crossEntropy(spec: CrossEntropySpec): Kernel {
  return rowKernel("crossEntropy", spec, LABELLED, spec.ignoreIndex);
}

/** Operands `gradient` (of the losses), `logits`, `labels` (i32), `output`. */
export function crossEntropyGradient(spec: CrossEntropySpec): Kernel {
  const operands = [["gradient", RowLoss.gradient] as const, ...LABELLED];
  return rowKernel("crossEntropyGradient", spec, operands, spec.ignoreIndex);
}

/** Operands `logits`, `output`. */
export function logSoftmax(spec: RowSpec): Kernel {
  return rowKernel("logSoftmax", spec, [["logits", RowLoss.logits]]);
}

/** Of the softmax or its logarithm, from its result. Operands `gradient`, `result`, `output`. */
export function softmaxGradient(spec: RowSpec & { readonly log: boolean }): Kernel {
  return rowKernel(spec.log ? "logSoftmaxGradient" : "softmaxGradient", spec, [
    ["gradient", RowLoss.gradient],
    ["result", RowLoss.logits],
  ]);
}

/** Bytes of a histogram of 256 counts. */
const HISTOGRAM = 1024;

/**
 * Marks the priors that enter the classification loss, as kernels-wgsl's `hardNegatives`. Operands
 * `losses`, `labels` (i32), `chosen` (1 or 0 as f32), all `[batch, priors]`.
 */
export function hardNegatives(spec: {
  readonly batch: number;
  readonly priors: number;
  readonly ratio: number;
}): Kernel {
  const { batch, priors, ratio } = spec;
  return defineKernel({
    name: "hard-negatives",
    opcode: Opcode.Mining,
    size: Mining.size,
    chunks: batch,
    integers: { [Mining.priors]: priors },
    floats: { [Mining.ratio]: ratio },
    operands: [
      { operand: "losses", field: Mining.losses, offset: 0 },
      { operand: "labels", field: Mining.labels, offset: 0 },
      { operand: "chosen", field: Mining.chosen, offset: 0 },
    ],
    scratch: { field: Mining.scratch, bytes: HISTOGRAM },
    flops: 0,
  });
}
