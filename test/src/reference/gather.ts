import { at, build, flatIndex, indices, type NdArray } from "./array.js";

/** Slices of x along `axis` at the positions of `index`, whose axes take that axis' place. */
export function gather(x: NdArray, index: NdArray, axis: number): NdArray {
  const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
  const rank = index.shape.length;
  return build(shape, (i) => {
    const named = at(index, ...i.slice(axis, axis + rank));
    const row = named < 0 ? named + x.shape[axis] : named;
    if (row < 0 || row >= x.shape[axis]) return 0;
    return at(x, ...i.slice(0, axis), row, ...i.slice(axis + rank));
  });
}

/** Zeros with every slice of `source` added where its index says. */
export function scatterAdd(source: NdArray, index: NdArray, extent: number, axis: number): NdArray {
  const rank = index.shape.length;
  const shape = [...source.shape.slice(0, axis), extent, ...source.shape.slice(axis + rank)];
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  for (const i of indices(source.shape)) {
    const named = at(index, ...i.slice(axis, axis + rank));
    const row = named < 0 ? named + extent : named;
    if (row < 0 || row >= extent) continue;
    data[flatIndex(shape, [...i.slice(0, axis), row, ...i.slice(axis + rank)])] += at(source, ...i);
  }
  return { shape, data };
}

/** Elements of x along `axis`, each at the position in its place of `index`. */
export function gatherElements(x: NdArray, index: NdArray, axis: number): NdArray {
  return build(index.shape, (i) => {
    const named = at(index, ...i);
    const row = named < 0 ? named + x.shape[axis] : named;
    return row < 0 || row >= x.shape[axis] ? 0 : at(x, ...moved(i, axis, row));
  });
}

/** Zeros with every element of `source` added where its index says. */
export function scatterAddElements(
  source: NdArray,
  index: NdArray,
  extent: number,
  axis: number,
): NdArray {
  const shape = source.shape.map((n, k) => (k === axis ? extent : n));
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  for (const i of indices(source.shape)) {
    const named = at(index, ...i);
    const row = named < 0 ? named + extent : named;
    if (row >= 0 && row < extent) data[flatIndex(shape, moved(i, axis, row))] += at(source, ...i);
  }
  return { shape, data };
}

function moved(index: readonly number[], axis: number, row: number): number[] {
  return index.map((i, k) => (k === axis ? row : i));
}
