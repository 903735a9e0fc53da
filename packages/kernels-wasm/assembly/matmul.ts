/**
 * Products of matrices on the product that convolutions are made of, whose second operand lies in panels of 8 columns:
 * weights are packed when a plan is prepared, others by a step of their own.
 */
import { Matmul, Panels } from "../src/network-records";
import { Tail } from "../src/records";
import { product } from "./product";
import { word } from "./team";

/** A chunk is one panel of one matrix. */
export function panelsChunk(step: usize, chunk: i32): void {
  const rows = word(step, Panels.rows);
  const columns = word(step, Panels.columns);
  const rowStride = word(step, Panels.rowStride);
  const columnStride = word(step, Panels.columnStride);
  const panels = (columns + 7) >> 3;
  const first = (chunk % panels) << 3;
  const lanes = min(8, columns - first);
  const from = word(step, Panels.input) + (((chunk / panels) * rows * columns) << 2);
  let to: usize = word(step, Panels.output) + ((chunk * rows) << 5);
  for (let row = 0; row < rows; row++) {
    for (let lane = 0; lane < 8; lane++) {
      const at = (row * rowStride + (first + lane) * columnStride) << 2;
      store<f32>(to + (lane << 2), lane < lanes ? load<f32>(from + at) : 0);
    }
    to += 32;
  }
}

/** A chunk is some rows of one product. */
export function matmulChunk(step: usize, chunk: i32): void {
  const rows = word(step, Matmul.rows);
  const depth = word(step, Matmul.depth);
  const columns = word(step, Matmul.columns);
  const chunks = word(step, Matmul.chunks);
  const size = word(step, Matmul.chunkRows);
  const n = chunk / chunks;
  const first = (chunk % chunks) * size;
  product(
    word(step, Matmul.a) + ((n * word(step, Matmul.aStep) + first * depth) << 2),
    <usize>depth << 2,
    min(size, rows - first),
    depth,
    word(step, Matmul.panels) + ((n * word(step, Matmul.panelStep)) << 2),
    columns,
    0,
    word(step, Matmul.output) + (((n * rows + first) * columns) << 2),
    <usize>columns << 2,
    0,
    0,
    Tail.none,
    0,
  );
}
