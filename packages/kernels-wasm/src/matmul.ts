import { defineKernel, type Kernel, rowsFor } from "./kernel.js";
import { Matmul, Panels } from "./network-records.js";
import { Opcode } from "./records.js";

/** Columns of a panel. */
const PANEL = 8;
/** Multiplications of a chunk, about: a tenth of a millisecond. */
const CHUNK = 2 ** 20;

/** Matrices [batch, rows, columns] to be the second operand of products, or that of their transposes. */
export interface PanelsSpec {
  readonly batch: number;
  readonly rows: number;
  readonly columns: number;
  /** They are stored [columns, rows]. */
  readonly transposed: boolean;
}

/** Floats of one matrix in panels. */
function panelFloats({ rows, columns }: Pick<PanelsSpec, "rows" | "columns">): number {
  return Math.ceil(columns / PANEL) * PANEL * rows;
}

/** Floats of all matrices in panels. */
export function panelsLength(spec: PanelsSpec): number {
  return spec.batch * panelFloats(spec);
}

function strides({ rows, columns, transposed }: PanelsSpec) {
  return transposed ? { row: 1, column: rows } : { row: columns, column: 1 };
}

/** Operands `input`, `output` (`panelsLength` floats). */
export function panels(spec: PanelsSpec): Kernel {
  const { batch, rows, columns } = spec;
  const { row, column } = strides(spec);
  return defineKernel({
    name: "panels",
    opcode: Opcode.Panels,
    size: Panels.size,
    chunks: batch * Math.ceil(columns / PANEL),
    integers: {
      [Panels.rows]: rows,
      [Panels.columns]: columns,
      [Panels.rowStride]: row,
      [Panels.columnStride]: column,
    },
    operands: [
      { operand: "input", field: Panels.input, offset: 0 },
      { operand: "output", field: Panels.output, offset: 0 },
    ],
    flops: 0,
  });
}

/** What the kernel `panels` makes, here and now: for weights. */
export function packPanels(spec: PanelsSpec, values: Float32Array): Float32Array {
  const { batch, rows, columns } = spec;
  const { row, column } = strides(spec);
  const packed = new Float32Array(panelsLength(spec));
  for (let n = 0; n < batch; n++) {
    const [from, to] = [n * rows * columns, n * panelFloats(spec)];
    for (let c = 0; c < columns; c++) {
      const panel = to + (c - (c % PANEL)) * rows + (c % PANEL);
      for (let r = 0; r < rows; r++) {
        packed[panel + r * PANEL] = values[from + r * row + c * column];
      }
    }
  }
  return packed;
}

/** Products [batch, rows, depth] · [batch, depth, columns]. */
export interface MatmulSpec {
  readonly batch: number;
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
  /** One first, or second, operand serves all products. */
  readonly sharedA?: boolean;
  readonly sharedB?: boolean;
}

/** Operands `a`, `panels` (see `panels`), `output`. */
export function matmul(spec: MatmulSpec): Kernel {
  const { batch, rows, depth, columns, sharedA = false, sharedB = false } = spec;
  const chunkRows = Math.min(rows, Math.ceil(rowsFor(CHUNK, depth * columns) / 4) * 4);
  const chunks = Math.ceil(rows / chunkRows);
  return defineKernel({
    name: "matmul",
    opcode: Opcode.Matmul,
    size: Matmul.size,
    chunks: batch * chunks,
    integers: {
      [Matmul.rows]: rows,
      [Matmul.depth]: depth,
      [Matmul.columns]: columns,
      [Matmul.aStep]: sharedA ? 0 : rows * depth,
      [Matmul.panelStep]: sharedB ? 0 : panelFloats({ rows: depth, columns }),
      [Matmul.chunks]: chunks,
      [Matmul.chunkRows]: chunkRows,
    },
    operands: [
      { operand: "a", field: Matmul.a, offset: 0 },
      { operand: "panels", field: Matmul.panels, offset: 0 },
      { operand: "output", field: Matmul.output, offset: 0 },
    ],
    flops: 2 * batch * rows * depth * columns,
  });
}
