import { at, broadcastAt, build, type NdArray } from "./array.js";

export function permute(x: NdArray, axes: readonly number[]): NdArray {
  const shape = axes.map((axis) => x.shape[axis]);
  return build(shape, (index) => {
    const source = new Array<number>(axes.length);
    for (const [k, axis] of axes.entries()) source[axis] = index[k];
    return at(x, ...source);
  });
}

export function broadcastTo(x: NdArray, shape: readonly number[]): NdArray {
  return build(shape, (index) => broadcastAt(x, index));
}

export function concat(arrays: readonly NdArray[], axis: number): NdArray {
  const total = arrays.reduce((n, a) => n + a.shape[axis], 0);
  const shape = arrays[0].shape.map((n, k) => (k === axis ? total : n));
  return build(shape, (index) => {
    let position = index[axis];
    for (const a of arrays) {
      if (position < a.shape[axis])
        return at(a, ...index.map((i, k) => (k === axis ? position : i)));
      position -= a.shape[axis];
    }
    throw new Error("concat: index out of range");
  });
}

/** Elements first, first + step, … (`count` of them) along every axis. */
export function take(
  x: NdArray,
  ranges: readonly { first: number; step: number; count: number }[],
): NdArray {
  const shape = ranges.map((r) => r.count);
  return build(shape, (index) =>
    at(x, ...index.map((i, k) => ranges[k].first + i * ranges[k].step)),
  );
}

/** Pads by a constant (`outside` gives undefined) or by the element that `outside` names. */
export function pad(
  x: NdArray,
  before: readonly number[],
  after: readonly number[],
  outside: (position: number, extent: number) => number | undefined,
  value = 0,
): NdArray {
  const shape = x.shape.map((n, axis) => n + before[axis] + after[axis]);
  return build(shape, (index) => {
    const source = index.map((i, axis) => {
      const position = i - before[axis];
      const n = x.shape[axis];
      return position >= 0 && position < n ? position : outside(position, n);
    });
    return source.includes(undefined) ? value : at(x, ...(source as number[]));
  });
}
