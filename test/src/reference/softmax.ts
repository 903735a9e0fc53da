import { flatIndex, groups, indices, type NdArray } from "./array.js";

/** Softmax along an axis, or its logarithm. */
export function softmax(x: NdArray, axis: number, log = false): NdArray {
  const rows = groups(x, [axis]).map((row) => {
    const highest = Math.max(...row);
    const total = row.reduce((sum, v) => sum + Math.exp(v - highest), 0);
    return row.map((v) => (log ? v - highest - Math.log(total) : Math.exp(v - highest) / total));
  });
  const keptShape = x.shape.filter((_, k) => k !== axis);
  const data = new Float64Array(x.data.length);
  let flat = 0;
  for (const index of indices(x.shape)) {
    const row = flatIndex(
      keptShape,
      index.filter((_, k) => k !== axis),
    );
    data[flat++] = rows[row][index[axis]];
  }
  return { shape: x.shape, data };
}
