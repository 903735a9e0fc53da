import { defineKernel, type Kernel, rowsFor } from "./kernel.js";
import { Gather, Triangle } from "./network-records.js";
import { Opcode } from "./records.js";

/** Floats of a chunk. */
const CHUNK = 16 * 1024;

/** A tensor seen as [outer, extent, inner], and `indices` positions along its middle axis. */
export interface GatherSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly indices: number;
}

/** Operands `input`, `index` (i32), `output` [outer, indices, inner]. */
export function gather(spec: GatherSpec): Kernel {
  const { outer, extent, inner, indices } = spec;
  const chunkRows = rowsFor(CHUNK, inner);
  return defineKernel({
    name: "gather",
    opcode: Opcode.Gather,
    size: Gather.size,
    chunks: Math.ceil((outer * indices) / chunkRows),
    integers: {
      [Gather.outer]: outer,
      [Gather.extent]: extent,
      [Gather.inner]: inner,
      [Gather.indices]: indices,
      [Gather.chunkRows]: chunkRows,
    },
    operands: [
      { operand: "input", field: Gather.input, offset: 0 },
      { operand: "index", field: Gather.index, offset: 0 },
      { operand: "output", field: Gather.output, offset: 0 },
    ],
    flops: 0,
  });
}

/** Matrices [batch, rows, columns]; kept are columns up to row + `diagonal`, or from it on. */
export interface TriangleSpec {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  readonly diagonal: number;
  readonly side: "lower" | "upper";
}

/** Operands `input`, `output`. */
export function triangle({ batch, rows, columns, diagonal, side }: TriangleSpec): Kernel {
  return defineKernel({
    name: "triangle",
    opcode: Opcode.Triangle,
    size: Triangle.size,
    chunks: batch * rows,
    integers: {
      [Triangle.rows]: rows,
      [Triangle.columns]: columns,
      [Triangle.diagonal]: diagonal,
      [Triangle.upper]: side === "upper" ? 1 : 0,
    },
    operands: [
      { operand: "input", field: Triangle.input, offset: 0 },
      { operand: "output", field: Triangle.output, offset: 0 },
    ],
    flops: 0,
  });
}
