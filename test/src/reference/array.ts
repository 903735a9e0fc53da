/** A dense row-major array in float64: what the reference implementations take and give. */
export interface NdArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** Elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((a, b) => a * b, 1);
}

/** Every index of a shape in row-major order. */
export function* indices(shape: readonly number[]): Generator<number[]> {
  const total = sizeOf(shape);
  for (let flat = 0; flat < total; flat++) {
    const index = new Array<number>(shape.length);
    let rest = flat;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    yield index;
  }
}

/** Position of an index in row-major order. */
export function flatIndex(shape: readonly number[], index: readonly number[]): number {
  return index.reduce((flat, i, axis) => flat * shape[axis] + i, 0);
}

/** The element at an index. */
export function at(x: NdArray, ...index: number[]): number {
  return x.data[flatIndex(x.shape, index)];
}

/** The array of a shape whose elements are `element(index)`. */
export function build(
  shape: readonly number[],
  element: (index: readonly number[]) => number,
): NdArray {
  return { shape, data: Float64Array.from([...indices(shape)].map(element)) };
}

/** The element that broadcasting `x` to the rank and extents of `index`'s array reads. */
export function broadcastAt(x: NdArray, index: readonly number[]): number {
  const own = index.slice(index.length - x.shape.length);
  return at(x, ...own.map((i, axis) => (x.shape[axis] === 1 ? 0 : i)));
}

/** Groups the elements along `axes`: for every kept index in order, the values of its group in order. */
export function groups(x: NdArray, axes: readonly number[]): number[][] {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const keptShape = kept.map((axis) => x.shape[axis]);
  const result = Array.from({ length: sizeOf(keptShape) }, (): number[] => []);
  let flat = 0;
  for (const index of indices(x.shape)) {
    const group = flatIndex(
      keptShape,
      kept.map((axis) => index[axis]),
    );
    result[group].push(x.data[flat++]);
  }
  return result;
}

/** The shape that all arrays broadcast to by numpy's rule. */
export function broadcastShape(...arrays: readonly NdArray[]): number[] {
  const rank = Math.max(...arrays.map((x) => x.shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const extents = arrays.map((x) => x.shape[axis - rank + x.shape.length] ?? 1);
    return extents.find((n) => n !== 1) ?? 1;
  });
}
