import { ShapeError } from "./errors.js";

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, n) => product * n, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** `[2, 3]` as it stands in error messages. */
export function showShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

/** NumPy broadcasting of two shapes. @throws ShapeError naming both. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const m = a[a.length - rank + i] ?? 1;
    const n = b[b.length - rank + i] ?? 1;
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError(
        `${op}: ${showShape(a)} and ${showShape(b)} do not broadcast; extents must agree or be 1, from the last axis on`,
      );
    }
    out[i] = m === 1 ? n : m;
  }
  return out;
}

/** Non-negative axis. @throws ShapeError when out of range. */
export function normalizeAxis(op: string, axis: number, shape: Shape): number {
  const positive = axis < 0 ? axis + shape.length : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= shape.length) {
    throw new ShapeError(
      `${op}: axis ${axis} is outside ${showShape(shape)}; it has axes 0 to ${shape.length - 1}, or -1 for the last`,
    );
  }
  return positive;
}

/** Sorted, unique, non-negative axes; all axes when none are given. */
export function normalizeAxes(
  op: string,
  axes: readonly number[] | undefined,
  shape: Shape,
): number[] {
  if (axes === undefined) return shape.map((_, i) => i);
  const set = new Set(axes.map((axis) => normalizeAxis(op, axis, shape)));
  if (set.size !== axes.length) {
    throw new ShapeError(
      `${op}: axes ${showShape(axes)} repeat for ${showShape(shape)}; name each axis once`,
    );
  }
  return [...set].sort((x, y) => x - y);
}

/** @throws ShapeError unless every size is a non-negative integer. */
export function assertShape(op: string, shape: Shape): void {
  if (shape.some((n) => !Number.isInteger(n) || n < 0)) {
    throw new ShapeError(`${op}: ${showShape(shape)} is not a shape: extents are integers from 0`);
  }
}
