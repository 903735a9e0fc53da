/**
 * What networks other than convolutional ones are made of, beside `records.ts` and with its first fields: products of
 * matrices, rows by index, triangles.
 */

/** Matrices as panels of 8 columns, zeros behind the last. */
export enum Panels {
  input = 4,
  output,
  /** Of one matrix. */
  rows,
  columns,
  /** Floats from one row to the next, and from one column to the next. */
  rowStride,
  columnStride,
  size,
}

/** Products of matrices by panels. */
export enum Matmul {
  a = 4,
  panels,
  output,
  rows,
  depth,
  columns,
  /** Floats from one matrix to the next; 0 where one serves all. */
  aStep,
  panelStep,
  /** Of one product. */
  chunks,
  chunkRows,
  size,
}

/** Rows of `inner` floats by i32 indices. */
export enum Gather {
  input = 4,
  index,
  output,
  outer,
  extent,
  inner,
  indices,
  chunkRows,
  size,
}

/** What lies outside a triangle becomes 0. */
export enum Triangle {
  input = 4,
  output,
  rows,
  columns,
  diagonal,
  upper,
  size,
}
