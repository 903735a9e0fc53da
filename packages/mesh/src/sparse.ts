import { type Device, keep, type SparseCsr, tensor } from "@retinaface-webgpu/tensor/inference";

/** A sparse matrix in compressed rows, on the host. */
export interface Csr {
  /** [rows + 1]. */
  readonly crowIndices: Int32Array;
  readonly colIndices: Int32Array;
  readonly values: Float32Array;
  readonly size: readonly [rows: number, columns: number];
}

/** An element of a sparse matrix. */
export type Entry = readonly [row: number, column: number, value: number];

/** Of elements in any order, no two of one place. */
export function csrOf(size: readonly [number, number], entries: Iterable<Entry>): Csr {
  const rows: [number, number][][] = Array.from({ length: size[0] }, () => []);
  for (const [row, column, value] of entries) rows[row].push([column, value]);
  for (const row of rows) row.sort(([a], [b]) => a - b);
  const crowIndices = new Int32Array(size[0] + 1);
  for (const [i, row] of rows.entries()) crowIndices[i + 1] = crowIndices[i] + row.length;
  const all = rows.flat();
  return {
    crowIndices,
    colIndices: Int32Array.from(all, ([column]) => column),
    values: Float32Array.from(all, ([, value]) => value),
    size,
  };
}

/** The elements of a matrix, row by row. */
export function* entriesOf({ crowIndices, colIndices, values, size }: Csr): Generator<Entry> {
  for (let row = 0; row < size[0]; row++) {
    for (let k = crowIndices[row]; k < crowIndices[row + 1]; k++) {
      yield [row, colIndices[k], values[k]];
    }
  }
}

export function transposeCsr(matrix: Csr): Csr {
  const [rows, columns] = matrix.size;
  const turned = [...entriesOf(matrix)].map(([row, column, value]): Entry => [column, row, value]);
  return csrOf([columns, rows], turned);
}

/** Puts a matrix, and its transposed one, on a device, where they stay until `disposeCsr`. */
export function uploadCsr(device: Device, matrix: Csr): SparseCsr {
  return { ...upload(device, matrix), transposed: upload(device, transposeCsr(matrix)) };
}

function upload(device: Device, { crowIndices, colIndices, values, size }: Csr) {
  const integers = (list: Int32Array) =>
    keep(tensor(device, list, [list.length], { dtype: "i32" }));
  return {
    crowIndices: integers(crowIndices),
    colIndices: integers(colIndices),
    values: keep(tensor(device, values, [values.length])),
    size,
  };
}

export function disposeCsr({ crowIndices, colIndices, values, transposed }: SparseCsr): void {
  for (const each of [crowIndices, colIndices, values]) each.dispose();
  if (transposed) disposeCsr(transposed);
}
