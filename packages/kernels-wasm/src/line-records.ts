/**
 * What goes along one axis of [outer, extent, inner], and what goes by indices; beside `records.ts`, and with its first
 * fields. Both sides compile this file.
 */

/** What elements are. */
export enum Words {
  float = 0,
  signed = 1,
  unsigned = 2,
}

/** Lines along the middle axis: sorts, cumulative sums, positions of extremes. A chunk is `chunkLines` of them. */
export enum Lines {
  input = 4,
  output,
  /** Of `Sort`: i32. */
  positions,
  lines,
  extent,
  inner,
  chunkLines,
  /** `Words`. */
  words,
  /** The largest first; of `CumulativeSum` from the end. */
  downwards,
  /** Of `Sort`: how many of each line are kept. */
  take,
  size,
}

/** How what lies outside an axis is made. */
export enum PadKind {
  constant = 0,
  /** Without repeating the edge. */
  reflect = 1,
  edge = 2,
}

/** One axis made longer, or cropped where numbers are negative; rows are those of what is written. */
export enum Pad {
  input = 4,
  output,
  rows,
  /** Of the axis that is not padded. */
  extent,
  /** Of the one that is. */
  padded,
  inner,
  before,
  kind,
  /** The constant, as it is stored. */
  value,
  chunkRows,
  size,
}

/** Elements, or slices, by i32 indices, and their adjoint. */
export enum Indexed {
  input = 4,
  index,
  output,
  outer,
  extent,
  inner,
  indices,
  /** Every element has an index of its own. */
  elements,
  /** `Words`. */
  words,
  /** Of `ScatterAdd`: rows of the result in a chunk. */
  chunkRows,
  size,
}

/** A sparse matrix in compressed rows by a dense one, and the row of each value. */
export enum Sparse {
  starts = 4,
  at,
  values,
  dense,
  output,
  rows,
  inner,
  columns,
  /** How many. */
  count,
  chunkRows,
  size,
}

/** Rows of zeros with a one at each label. */
export enum OneHot {
  labels = 4,
  output,
  count,
  classes,
  chunkRows,
  size,
}

/** 1 / keep with probability keep, else 0. */
export enum DropoutMask {
  output = 4,
  count,
  seed,
  stream,
  /** f32. */
  keep,
  /** f32. */
  scale,
  chunkElements,
  size,
}

/** How a coordinate between pixels is taken. */
export enum SampleKind {
  floor = 0,
  ceil,
  roundPreferFloor,
  roundPreferCeil,
  bilinear,
}

/** One axis of a resize: source = (step · destination + origin) / denominator. */
export enum SampleAxis {
  from = 0,
  to,
  step,
  origin,
  denominator,
  size,
}

/** A chunk is a row of what is written. */
export enum SampledResize {
  input = 4,
  output,
  channels,
  kind,
  y,
  x = 13,
  size = 18,
}
