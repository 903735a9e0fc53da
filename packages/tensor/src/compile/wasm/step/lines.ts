/** Sorts, cumulative sums, padding, and what goes by indices, as kernels for processors. */
import {
  argExtreme,
  cumulativeSum,
  dropoutMask,
  gatherElements,
  oneHot,
  padAxis,
  padAxisGradient,
  scatterAdd,
  sort,
  sparseMatmul,
  sparseRows,
  type WordType,
} from "@retinaface-webgpu/kernels-wasm";
import type { DType } from "../../../core/dtype.js";
import { sizeOf } from "../../../core/shape.js";
import type { DropoutAttrs } from "../../../ops/dropout.js";
import {
  dimensions,
  type GatherAttrs,
  type ScatterElementsAttrs,
} from "../../../ops/gather/forward.js";
import type { PadAttrs } from "../../../ops/pad/forward.js";
import type { CumulativeAttrs } from "../../../ops/scan/forward.js";
import type { SortAttrs } from "../../../ops/sort/forward.js";
import type { StepValue } from "../../step/graph.js";
import { type NodeLowering, one, type StepKernel, type StepOperand, scratchOf } from "./kernels.js";

/** The type of elements of four bytes. */
function wordType(dtype: DType): WordType | undefined {
  return dtype === "f16" ? undefined : dtype;
}

/** What is done to the lines along an axis, where their elements have four bytes. */
function ofLines<A extends { readonly axis: number }>(
  lower: (
    line: ReturnType<typeof dimensions> & { readonly type: WordType },
    attrs: A,
    x: StepValue,
    outputs: readonly StepValue[],
  ) => StepKernel[],
): NodeLowering {
  return ({ inputs: [x], outputs, attrs }) => {
    const type = wordType(x.info.dtype);
    const own = attrs as A;
    return type && lower({ ...dimensions(x.info.shape, own.axis), type }, own, x, outputs);
  };
}

const sorted = ofLines<SortAttrs>((line, { descending, take }, input, [output, positions]) =>
  one(sort({ ...line, descending, take }), { input, output, positions }),
);

const accumulated = ofLines<CumulativeAttrs>((line, { reverse }, input, [output]) =>
  one(cumulativeSum({ ...line, reverse }), { input, output }),
);

const extremeAt = (largest: boolean) =>
  ofLines<GatherAttrs>((line, _, input, [output]) =>
    one(argExtreme({ ...line, largest }), { input, output }),
  );

const byElement: NodeLowering = ({ inputs: [input, index], outputs: [output], attrs }) => {
  if (!wordType(input.info.dtype)) return undefined;
  const { axis } = attrs as GatherAttrs;
  const spec = { ...dimensions(input.info.shape, axis), indices: index.info.shape[axis] };
  return one(gatherElements(spec), { input, index, output });
};

const addedUp = (elements: boolean): NodeLowering => {
  return ({ inputs: [input, index], outputs: [output], attrs }) => {
    const type = wordType(input.info.dtype);
    if (!type) return undefined;
    const { axis } = attrs as ScatterElementsAttrs;
    const indices = elements ? index.info.shape[axis] : sizeOf(index.info.shape);
    const spec = { ...dimensions(output.info.shape, axis), indices, elements, type };
    return one(scatterAdd(spec), { input, index, output });
  };
};

const sparse: NodeLowering = ({ inputs: [starts, at, values, dense], outputs: [output] }) => {
  const [inner, columns] = dense.info.shape;
  const spec = { rows: output.info.shape[0], inner, columns, values: sizeOf(values.info.shape) };
  return one(sparseMatmul(spec), { starts, at, values, dense, output });
};

const rowsOfSparse: NodeLowering = ({ inputs: [starts], outputs: [output] }) => {
  const spec = { rows: starts.info.shape[0] - 1, values: sizeOf(output.info.shape) };
  return one(sparseRows(spec), { starts, output });
};

const labelled: NodeLowering = ({ inputs: [labels], outputs: [output], attrs }) => {
  const { classes } = attrs as { readonly classes: number };
  return one(oneHot({ labels: sizeOf(labels.info.shape), classes }), { labels, output });
};

const mask: NodeLowering = ({ outputs: [output], attrs }) => {
  const { keep, seed, call } = attrs as DropoutAttrs;
  const spec = { count: sizeOf(output.info.shape), keep, seed: seed | 0, stream: call | 0 };
  return one(dropoutMask(spec), { output });
};

/** Bits of a number as an element of a type. */
function bitsOf(value: number, type: WordType): number {
  if (type !== "f32") return value | 0;
  return new Int32Array(Float32Array.of(value).buffer)[0];
}

/** One axis after the other. */
const padded: NodeLowering = ({ inputs: [x], outputs: [y], attrs }) => {
  const type = wordType(x.info.dtype);
  if (!type) return undefined;
  const { before, after, mode, value } = attrs as PadAttrs;
  const changed = before.map((_, axis) => axis).filter((k) => before[k] !== 0 || after[k] !== 0);
  if (changed.length === 0) {
    const flat = { outer: 1, extent: sizeOf(x.info.shape), inner: 1 };
    return one(padAxis({ ...flat, before: 0, after: 0, mode }, 0), { input: x, output: y });
  }
  const shape = [...x.info.shape];
  let input: StepOperand = x;
  return changed.flatMap((axis, k) => {
    const own = { ...dimensions(shape, axis), before: before[axis], after: after[axis], mode };
    shape[axis] += before[axis] + after[axis];
    const output = k === changed.length - 1 ? y : scratchOf(sizeOf(shape));
    const kernels = one(padAxis(own, bitsOf(value, type)), { input, output });
    input = output;
    return kernels;
  });
};

interface PadAxisAttrs {
  readonly axis: number;
  readonly before: number;
  readonly after: number;
  readonly mode: "reflect" | "edge";
}

const padGradient: NodeLowering = ({ inputs: [input], outputs: [output], attrs }) => {
  if (input.info.dtype !== "f32") return undefined;
  const { axis, ...own } = attrs as PadAxisAttrs;
  const spec = { ...dimensions(output.info.shape, axis), ...own };
  return one(padAxisGradient(spec), { input, output });
};

/** By the operations' names. */
export const LINES: Readonly<Record<string, NodeLowering>> = {
  sort: sorted,
  cumsum: accumulated,
  argmax: extremeAt(true),
  argmin: extremeAt(false),
  gatherElements: byElement,
  scatterAdd: addedUp(false),
  scatterAddElements: addedUp(true),
  sparseMatmul: sparse,
  csrRows: rowsOfSparse,
  oneHot: labelled,
  dropoutMask: mask,
  pad: padded,
  padBackward: padGradient,
};
