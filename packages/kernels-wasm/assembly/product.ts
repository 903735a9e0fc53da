/**
 * The product that convolutions are made of: rows of floats times a packed matrix, with what
 * follows in registers.
 *
 * Tiles of 4 rows × 8 columns: 8 sums, 2 vectors of the matrix and 1 of a row fill 11 of the 16
 * registers of x86. Measured alone (Xeon model 167, Node 20.20, 576 terms, 2026-11-29): 4×8 37
 * GFLOP/s, 3×12 37, 3×16 36, 4×12 35, 2×16 35, 5×8 32, 6×8 32 (it spills), 4×8 with two terms a
 * turn 36, with values of rows spread from one vector load instead of loaded one by one 31. Relaxed SIMD's fused
 * multiply-add gained nothing: 36.6, 35.6, 36.9 and 34.9 GFLOP/s instead of 35.5, 36.0, 36.8 and 35.0 for
 * 256×64×64, 256×256×256, 48×576×64 and 1024×32×64 (AMD EPYC, Deno 2.9.6, the best of 60 in turn, other work beside it,
 * 2026-11-30); Node 20 refuses it, and engines would round otherwise. So there is one binary, of plain SIMD.
 *
 * Where fewer than 4 rows are left, the last one stands in for those that lack: computed again,
 * stored again, the same.
 */
import { activate, finish, loadLanes, storeLanes } from "./tail";

/**
 * out[row][column] = finish(bias[column] + Σ a[row][i] · b[i][column]).
 *
 * @param a first row; the next lies `aStep` bytes on
 * @param b panels of 8 columns, each `depth` × 8, zeros behind the last column
 * @param bias a float for each column of the panels, or 0
 * @param residuals address of a table of addresses, one a row, or 0
 */
export function product(
  a: usize,
  aStep: usize,
  rows: i32,
  depth: i32,
  b: usize,
  columns: i32,
  bias: usize,
  out: usize,
  outStep: usize,
  residuals: usize,
  order: i32,
  tail: i32,
  slope: f32,
): void {
  const panel = <usize>depth << 5;
  const slopes = f32x4.splat(slope);
  for (let column = 0; column < columns; column += 8) {
    let low = f32x4.splat(0);
    let high = f32x4.splat(0);
    if (bias) {
      low = v128.load(bias + (column << 2));
      high = v128.load(bias + (column << 2), 16);
    }
    const end = b + panel;
    for (let row = 0; row < rows; row += 4) {
      const last = rows - 1 - row;
      const row1 = <usize>min(last, 1);
      const row2 = <usize>min(last, 2);
      const row3 = <usize>min(last, 3);
      let a0 = a + <usize>row * aStep;
      let a1 = a0 + row1 * aStep;
      let a2 = a0 + row2 * aStep;
      let a3 = a0 + row3 * aStep;
      let c00 = low;
      let c01 = high;
      let c10 = low;
      let c11 = high;
      let c20 = low;
      let c21 = high;
      let c30 = low;
      let c31 = high;
      let at = b;
      do {
        const b0 = v128.load(at);
        const b1 = v128.load(at, 16);
        const x0 = v128.load32_splat(a0);
        c00 = f32x4.add(c00, f32x4.mul(x0, b0));
        c01 = f32x4.add(c01, f32x4.mul(x0, b1));
        const x1 = v128.load32_splat(a1);
        c10 = f32x4.add(c10, f32x4.mul(x1, b0));
        c11 = f32x4.add(c11, f32x4.mul(x1, b1));
        const x2 = v128.load32_splat(a2);
        c20 = f32x4.add(c20, f32x4.mul(x2, b0));
        c21 = f32x4.add(c21, f32x4.mul(x2, b1));
        const x3 = v128.load32_splat(a3);
        c30 = f32x4.add(c30, f32x4.mul(x3, b0));
        c31 = f32x4.add(c31, f32x4.mul(x3, b1));
        a0 += 4;
        a1 += 4;
        a2 += 4;
        a3 += 4;
        at += 32;
      } while (at < end);
      const to = out + <usize>row * outStep + (column << 2);
      if (columns - column < 8) {
        const lanes = columns - column;
        const table = residuals ? residuals + (row << 2) : 0;
        part(to, c00, c01, lanes, table, column, order, tail, slopes);
        part(to + row1 * outStep, c10, c11, lanes, next(table, row1), column, order, tail, slopes);
        part(to + row2 * outStep, c20, c21, lanes, next(table, row2), column, order, tail, slopes);
        part(to + row3 * outStep, c30, c31, lanes, next(table, row3), column, order, tail, slopes);
      } else if (residuals) {
        const table = residuals + (row << 2);
        whole(to, c00, c01, table, column, order, tail, slopes);
        whole(to + row1 * outStep, c10, c11, next(table, row1), column, order, tail, slopes);
        whole(to + row2 * outStep, c20, c21, next(table, row2), column, order, tail, slopes);
        whole(to + row3 * outStep, c30, c31, next(table, row3), column, order, tail, slopes);
      } else {
        v128.store(to, activate(c00, tail, slopes));
        v128.store(to, activate(c01, tail, slopes), 16);
        v128.store(to + row1 * outStep, activate(c10, tail, slopes));
        v128.store(to + row1 * outStep, activate(c11, tail, slopes), 16);
        v128.store(to + row2 * outStep, activate(c20, tail, slopes));
        v128.store(to + row2 * outStep, activate(c21, tail, slopes), 16);
        v128.store(to + row3 * outStep, activate(c30, tail, slopes));
        v128.store(to + row3 * outStep, activate(c31, tail, slopes), 16);
      }
    }
    b = end;
  }
}

@inline
function next(table: usize, row: usize): usize {
  return table ? table + (row << 2) : 0;
}

/** Eight sums of a row that has a residual. */
@inline
function whole(
  to: usize,
  low: v128,
  high: v128,
  table: usize,
  column: i32,
  order: i32,
  tail: i32,
  slope: v128,
): void {
  const from = <usize>load<u32>(table) + (column << 2);
  v128.store(to, finish(low, v128.load(from), order, tail, slope));
  v128.store(to, finish(high, v128.load(from, 16), order, tail, slope), 16);
}

/** The first `lanes` of eight sums. */
function part(
  to: usize,
  low: v128,
  high: v128,
  lanes: i32,
  table: usize,
  column: i32,
  order: i32,
  tail: i32,
  slope: v128,
): void {
  const from = table ? <usize>load<u32>(table) + (column << 2) : 0;
  const first = from ? loadLanes(from, min(lanes, 4)) : f32x4.splat(0);
  storeLanes(to, finish(low, first, order, tail, slope), min(lanes, 4));
  if (lanes <= 4) return;
  const second = from ? loadLanes(from + 16, lanes - 4) : f32x4.splat(0);
  storeLanes(to + 16, finish(high, second, order, tail, slope), lanes - 4);
}
