/** Numbers that a program gives for a tensor's elements. */
import { describe } from "./arguments.js";
import type { DType, DTypeArrays } from "./dtype.js";
import { ShapeError, TensorError } from "./errors.js";
import { type Shape, sameShape } from "./shape.js";

/** Numbers in arrays of arrays, all of one length at each depth. */
export type NestedNumbers = readonly (number | NestedNumbers)[];

/** @throws TensorError `ARGUMENT` unless they are numbers in an array or a typed array */
function requireNumbers(values: unknown): void {
  if (ArrayBuffer.isView(values) && "length" in values && typeof values[0 as never] !== "bigint") {
    return;
  }
  const isList = typeof values === "object" && values !== null && "length" in values;
  if (!isList) {
    throw new TensorError(
      "ARGUMENT",
      `A tensor takes an array of numbers, not ${describe(values)}.`,
    );
  }
  const list: readonly unknown[] = Array.from(values as ArrayLike<unknown>);
  const at = list.findIndex((value) => typeof value !== "number");
  if (at < 0) return;
  throw new TensorError(
    "ARGUMENT",
    `A tensor takes numbers, but value ${at} is ${describe(list[at])}; convert them first, such as by Number().`,
  );
}

/** @throws TensorError `DTYPE` for a number that would become another: a fraction, NaN, or one out of range */
function integers<A extends Int32Array | Uint32Array>(
  Typed: { from(values: ArrayLike<number>): A },
  values: ArrayLike<number>,
): A {
  const array = Typed.from(values);
  const at = array.findIndex((value, k) => value !== values[k]);
  if (at < 0) return array;
  const type = array instanceof Int32Array ? "i32" : "u32";
  throw new TensorError("DTYPE", `${values[at]} at ${at} is no ${type}: round it, or take f32.`);
}

/**
 * Numbers as an array of a type's elements; one that is such an array already is not copied.
 *
 * @throws TensorError `ARGUMENT` for what is no number, `DTYPE` for numbers as f16, or what a type of integers does not hold
 */
export function toTyped(dtype: DType, values: ArrayLike<number>): DTypeArrays[DType] {
  requireNumbers(values);
  if (dtype === "f32") return values instanceof Float32Array ? values : Float32Array.from(values);
  if (dtype === "i32") return values instanceof Int32Array ? values : integers(Int32Array, values);
  if (dtype === "u32")
    return values instanceof Uint32Array ? values : integers(Uint32Array, values);
  if (values instanceof Uint16Array) return values;
  throw new TensorError(
    "DTYPE",
    "f16 tensors take raw bits as Uint16Array: encodeHalf() makes them of numbers, or cast() an f32 tensor.",
  );
}

/**
 * Values in row-major order, and the shape that they come in: that of nested arrays, else a vector's.
 *
 * @throws ShapeError for nested arrays of different lengths, TensorError `ARGUMENT` for what is no array
 */
export function flatten(values: ArrayLike<number> | NestedNumbers): {
  values: ArrayLike<number>;
  shape: Shape;
} {
  if (!Array.isArray(values)) requireNumbers(values);
  if (!Array.isArray(values) || !values.some(Array.isArray)) {
    return { values: values as ArrayLike<number>, shape: [values.length] };
  }
  const shape = shapeOf(values);
  // The compiler would unfold the type of every depth; one is told.
  return { values: (values as number[][]).flat((shape.length - 1) as 1), shape };
}

function shapeOf(values: NestedNumbers): number[] {
  const [first] = values;
  if (!Array.isArray(first)) {
    if (!values.some(Array.isArray)) return [values.length];
  } else {
    const inner = values.map((row) => (Array.isArray(row) ? shapeOf(row) : []));
    if (inner.every((shape) => sameShape(shape, inner[0]))) return [values.length, ...inner[0]];
  }
  throw new ShapeError("tensor: nested arrays of different lengths; fill the shorter ones up");
}
