import { broadcastAt, build, type NdArray } from "./array.js";

/** Applies a function to every element. */
export function map(x: NdArray, f: (v: number) => number): NdArray {
  return { shape: x.shape, data: x.data.map(f) };
}

/** Applies a function to every pair of elements, with numpy's broadcasting. */
export function zip(a: NdArray, b: NdArray, f: (u: number, v: number) => number): NdArray {
  const rank = Math.max(a.shape.length, b.shape.length);
  const extent = (x: NdArray, axis: number) => x.shape[axis - rank + x.shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, axis) => {
    const [m, n] = [extent(a, axis), extent(b, axis)];
    return m === 1 ? n : m;
  });
  return build(shape, (index) => f(broadcastAt(a, index), broadcastAt(b, index)));
}
