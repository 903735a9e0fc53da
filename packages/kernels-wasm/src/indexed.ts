/** Kernels that go by indices, and masks by number of element. */
import { defineKernel, type Kernel, rowsFor } from "./kernel.js";
import { DropoutMask, Indexed, OneHot, Sparse } from "./line-records.js";
import { type WordType, wordsOf } from "./lines.js";
import { Opcode } from "./records.js";

/** Elements of a chunk. */
const CHUNK = 4 * 1024;
/** Parts that a result is cut into at most: every one of them walks all indices. */
const PARTS = 8;

/** A tensor seen as [outer, extent, inner], and indices along its middle axis: [outer, indices, inner] or [indices]. */
export interface IndexedSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly indices: number;
}

function indexed(
  name: string,
  opcode: Opcode,
  spec: IndexedSpec & { readonly elements: boolean; readonly type: WordType },
  chunks: number,
  chunkRows: number,
): Kernel {
  const { outer, extent, inner, indices, elements, type } = spec;
  return defineKernel({
    name,
    opcode,
    size: Indexed.size,
    chunks,
    integers: {
      [Indexed.outer]: outer,
      [Indexed.extent]: extent,
      [Indexed.inner]: inner,
      [Indexed.indices]: indices,
      [Indexed.elements]: elements ? 1 : 0,
      [Indexed.words]: wordsOf(type),
      [Indexed.chunkRows]: chunkRows,
    },
    operands: [
      { operand: "input", field: Indexed.input, offset: 0 },
      { operand: "index", field: Indexed.index, offset: 0 },
      { operand: "output", field: Indexed.output, offset: 0 },
    ],
    flops: outer * indices * inner,
  });
}

/** Every element by an index of its own. Operands `input`, `index` (i32) [outer, indices, inner], `output` like it. */
export function gatherElements(spec: IndexedSpec): Kernel {
  const rows = spec.outer * spec.indices;
  const chunkRows = rowsFor(CHUNK, spec.inner);
  const all = { ...spec, elements: true, type: "f32" as const };
  const chunks = Math.ceil(rows / chunkRows);
  return indexed("gather-elements", Opcode.GatherElements, all, chunks, chunkRows);
}

/**
 * Adds up, in the order of the indices, what they name; what is out of range adds nothing. A chunk is some rows of one
 * result, for which it walks all indices. Operands `input` [outer, indices, inner], `index` (i32), `output`.
 */
export function scatterAdd(
  spec: IndexedSpec & { readonly elements: boolean; readonly type: WordType },
): Kernel {
  const { outer, extent, inner, indices } = spec;
  const wanted = Math.ceil((Math.max(extent, indices) * inner) / CHUNK);
  const chunkRows = Math.max(1, Math.ceil(extent / Math.min(PARTS, Math.max(1, wanted))));
  const chunks = outer * Math.ceil(extent / chunkRows);
  return indexed("scatter-add", Opcode.ScatterAdd, spec, chunks, chunkRows);
}

/** [rows, inner] with `values` elements other than 0, by [inner, columns]. */
export interface SparseSpec {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly values: number;
}

const ROW_STARTS = { operand: "starts", field: Sparse.starts, offset: 0 };

/** Operands `starts` (i32) [rows + 1], `at` (i32), `values`, `dense`, `output`. A column out of range counts as 0. */
export function sparseMatmul({ rows, inner, columns, values }: SparseSpec): Kernel {
  const chunkRows = rowsFor(CHUNK, columns + Math.ceil((values * columns) / Math.max(1, rows)));
  return defineKernel({
    name: "sparse-matmul",
    opcode: Opcode.SparseProduct,
    size: Sparse.size,
    chunks: Math.ceil(rows / chunkRows),
    integers: {
      [Sparse.rows]: rows,
      [Sparse.inner]: inner,
      [Sparse.columns]: columns,
      [Sparse.count]: values,
      [Sparse.chunkRows]: chunkRows,
    },
    operands: [
      ROW_STARTS,
      { operand: "at", field: Sparse.at, offset: 0 },
      { operand: "values", field: Sparse.values, offset: 0 },
      { operand: "dense", field: Sparse.dense, offset: 0 },
      { operand: "output", field: Sparse.output, offset: 0 },
    ],
    flops: 2 * values * columns,
  });
}

/** The row of each value. Operands `starts` (i32) [rows + 1], `output` (i32) [values]. */
export function sparseRows({ rows, values }: Pick<SparseSpec, "rows" | "values">): Kernel {
  const chunkRows = CHUNK;
  return defineKernel({
    name: "sparse-rows",
    opcode: Opcode.SparseRows,
    size: Sparse.size,
    chunks: Math.ceil(values / chunkRows),
    integers: { [Sparse.rows]: rows, [Sparse.count]: values, [Sparse.chunkRows]: chunkRows },
    operands: [ROW_STARTS, { operand: "output", field: Sparse.output, offset: 0 }],
    flops: 0,
  });
}

/** Operands `labels` (i32), `output` [labels, classes]: zeros for a label that is no class. */
export function oneHot({ labels, classes }: { labels: number; classes: number }): Kernel {
  const chunkRows = rowsFor(CHUNK, classes);
  return defineKernel({
    name: "one-hot",
    opcode: Opcode.OneHot,
    size: OneHot.size,
    chunks: Math.ceil(labels / chunkRows),
    integers: {
      [OneHot.count]: labels,
      [OneHot.classes]: classes,
      [OneHot.chunkRows]: chunkRows,
    },
    operands: [
      { operand: "labels", field: OneHot.labels, offset: 0 },
      { operand: "output", field: OneHot.output, offset: 0 },
    ],
    flops: 0,
  });
}

/** What dropout multiplies by, of the random numbers of kernels-wgsl's `dropoutMask`. Operand `output`. */
export function dropoutMask(spec: {
  readonly count: number;
  readonly keep: number;
  /** 32 bits each. */
  readonly seed: number;
  readonly stream: number;
}): Kernel {
  const { count, keep, seed, stream } = spec;
  return defineKernel({
    name: "dropout-mask",
    opcode: Opcode.DropoutMask,
    size: DropoutMask.size,
    chunks: Math.ceil(count / CHUNK),
    integers: {
      [DropoutMask.count]: count,
      [DropoutMask.seed]: seed,
      [DropoutMask.stream]: stream,
      [DropoutMask.chunkElements]: CHUNK,
    },
    floats: { [DropoutMask.keep]: keep, [DropoutMask.scale]: keep > 0 ? 1 / keep : 0 },
    operands: [{ operand: "output", field: DropoutMask.output, offset: 0 }],
    flops: 0,
  });
}
