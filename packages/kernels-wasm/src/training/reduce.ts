import { defineKernel, type Kernel } from "../kernel.js";
import { Opcode } from "../records.js";
import { mergeAxes } from "./map.js";
import { AXES, Reduce, ReduceKind, ReduceMerge, ReduceType } from "./records.js";

/** Elements that a chunk reads. */
const CHUNK = 16 * 1024;

/** A reduction of a dense tensor over some axes. */
export interface ReduceSpec {
  readonly kind: "sum" | "mean" | "sumSquares" | "maximum" | "minimum" | "product";
  readonly shape: readonly number[];
  readonly axes: readonly number[];
  /** Of elements and results; default f32. Integers wrap around, and have no mean. */
  readonly type?: keyof typeof TYPES | undefined;
}

const TYPES = { f32: ReduceType.float, i32: ReduceType.integer, u32: ReduceType.unsigned };

/** Two kernels, and the bytes of what the first leaves for the second. */
export interface Reduction {
  /** Operands `input`, `partial`. */
  readonly segments: Kernel;
  /** Operands `partial`, `output`. */
  readonly merge: Kernel;
  readonly partialBytes: number;
}

/** @throws RangeError as `map` */
export function reduce({ kind, shape, axes, type = "f32" }: ReduceSpec): Reduction {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const isReduced = (axis: number) => axes.includes(axis);
  const pick = (reduced: boolean) => {
    const chosen = shape.map((_, axis) => axis).filter((axis) => isReduced(axis) === reduced);
    return merged(
      chosen.map((axis) => shape[axis]),
      chosen.map((axis) => strides[axis]),
    );
  };
  const [kept, summed] = [pick(false), pick(true)];
  const [results, elements] = [kept, summed].map(({ extents }) =>
    extents.reduce((a, b) => a * b, 1),
  );
  // Results beside one another are summed together, row by row.
  const together = kept.extents[AXES - 1] === results && kept.strides[AXES - 1] === 1 ? results : 1;
  const segmentElements = Math.min(elements, Math.max(1, Math.ceil(CHUNK / together)));
  const segments = Math.ceil(elements / segmentElements);
  const chunkResults = together > 1 ? Math.min(results, 1024) : rowsOf(segmentElements);
  const reduced = ReduceKind[kind === "mean" ? "sum" : kind];
  const mergeResults = rowsOf(segments);
  return {
    segments: defineKernel({
      name: `reduce-${kind}`,
      opcode: Opcode.Reduce,
      size: Reduce.size,
      chunks: Math.ceil(results / chunkResults) * segments,
      integers: {
        [Reduce.kind]: reduced,
        [Reduce.results]: results,
        [Reduce.elements]: elements,
        [Reduce.segments]: segments,
        [Reduce.segmentElements]: segmentElements,
        [Reduce.chunkResults]: chunkResults,
        [Reduce.type]: TYPES[type],
        ...listAt(Reduce.keptExtents, kept.extents),
        ...listAt(Reduce.keptStrides, kept.strides),
        ...listAt(Reduce.extents, summed.extents),
        ...listAt(Reduce.strides, summed.strides),
      },
      operands: [
        { operand: "input", field: Reduce.input, offset: 0 },
        { operand: "partial", field: Reduce.partial, offset: 0 },
      ],
      flops: results * elements,
    }),
    merge: defineKernel({
      name: `reduce-${kind}-merge`,
      opcode: Opcode.ReduceMerge,
      size: ReduceMerge.size,
      chunks: Math.ceil(results / mergeResults),
      integers: {
        [ReduceMerge.kind]: reduced,
        [ReduceMerge.results]: results,
        [ReduceMerge.segments]: segments,
        [ReduceMerge.chunkResults]: mergeResults,
        [ReduceMerge.type]: TYPES[type],
      },
      floats: { [ReduceMerge.factor]: kind === "mean" ? 1 / elements : 1 },
      operands: [
        { operand: "partial", field: ReduceMerge.partial, offset: 0 },
        { operand: "output", field: ReduceMerge.output, offset: 0 },
      ],
      flops: results * segments,
    }),
    partialBytes: results * segments * 8,
  };
}

function rowsOf(width: number): number {
  return Math.max(1, Math.floor(CHUNK / width));
}

function merged(shape: readonly number[], strides: readonly number[]) {
  const { extents, strides: own } = mergeAxes(shape, [strides], false);
  return { extents, strides: own[0] };
}

function listAt(field: number, values: readonly number[]): Record<number, number> {
  return Object.fromEntries(values.map((value, i) => [field + i, value]));
}
