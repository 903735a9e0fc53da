import { groups, type NdArray } from "./array.js";

/** The shape left by reducing axes. */
export function reducedShape(shape: readonly number[], axes: readonly number[], keepDims: boolean) {
  return keepDims
    ? shape.map((n, axis) => (axes.includes(axis) ? 1 : n))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** Applies a function to the values of each group of elements along `axes`. */
export function reduceBy(
  x: NdArray,
  axes: readonly number[],
  keepDims: boolean,
  f: (values: number[]) => number,
): NdArray {
  return {
    shape: reducedShape(x.shape, axes, keepDims),
    data: Float64Array.from(groups(x, axes).map(f)),
  };
}

export const sumOf = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
