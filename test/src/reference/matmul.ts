import { broadcastAt, broadcastShape, build, flatIndex, indices, type NdArray } from "./array.js";

/** Exchanges the last two axes. */
export function transposed(x: NdArray): NdArray {
  const rank = x.shape.length;
  const shape = [...x.shape.slice(0, -2), x.shape[rank - 1], x.shape[rank - 2]];
  return build(shape, (index) =>
    broadcastAt(x, [...index.slice(0, -2), index[rank - 1], index[rank - 2]]),
  );
}

/** Product of the last two axes; leading axes broadcast. */
export function matmul(a: NdArray, b: NdArray): NdArray {
  const [m, k] = a.shape.slice(-2);
  const n = b.shape[b.shape.length - 1];
  const starts = (x: NdArray): NdArray =>
    build(x.shape.slice(0, -2), (index) => flatIndex(x.shape, [...index, 0, 0]));
  const [aStarts, bStarts] = [starts(a), starts(b)];
  const batch = broadcastShape(aStarts, bStarts);
  const data: number[] = [];
  for (const index of indices(batch)) {
    const [aStart, bStart] = [broadcastAt(aStarts, index), broadcastAt(bStarts, index)];
    for (let row = 0; row < m; row++)
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let i = 0; i < k; i++)
          sum += a.data[aStart + row * k + i] * b.data[bStart + i * n + column];
        data.push(sum);
      }
  }
  return { shape: [...batch, m, n], data: Float64Array.from(data) };
}
