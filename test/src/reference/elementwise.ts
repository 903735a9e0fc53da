import { broadcastAt, broadcastShape, build, type NdArray } from "./array.js";

/** Applies a function to every element. */
export function map(x: NdArray, f: (v: number) => number): NdArray {
  return { shape: x.shape, data: x.data.map(f) };
}

/** Applies a function to every pair of elements, with numpy's broadcasting. */
export function zip(a: NdArray, b: NdArray, f: (u: number, v: number) => number): NdArray {
  return build(broadcastShape(a, b), (index) => f(broadcastAt(a, index), broadcastAt(b, index)));
}
