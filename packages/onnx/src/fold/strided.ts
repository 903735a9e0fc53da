import { OnnxError } from "../errors.js";
import { countOf, type ElementType, type HostValue, hostArray } from "../model/elements.js";

/** Larger constants than these (256 MiB of floats) come from hostile or mistaken files. */
const MOST_ELEMENTS = 2 ** 26;

/** Memory for a constant. @throws OnnxError `ONNX_TOO_LARGE`, `ONNX_INVALID` */
export function room(shape: readonly number[], type: ElementType): HostValue {
  const count = countOf(shape, "A constant");
  if (count > MOST_ELEMENTS) {
    throw new OnnxError(
      "ONNX_TOO_LARGE",
      `A constant of the model would have [${shape}] = ${count} elements: at most ${MOST_ELEMENTS} are made.`,
    );
  }
  return { shape: [...shape], type, data: hostArray(type, count) };
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/** Strides with which a shape is read as one that it broadcasts to. */
export function broadcastStrides(from: readonly number[], to: readonly number[]): number[] {
  const own = stridesOf(from);
  return to.map((_, i) => {
    const axis = i - to.length + from.length;
    return axis < 0 || from[axis] === 1 ? 0 : own[axis];
  });
}

/** Calls `visit` with the places of each element of `shape` in order, one place for each list of strides. */
export function walk(
  shape: readonly number[],
  strides: readonly (readonly number[])[],
  offsets: readonly number[],
  visit: (element: number, places: readonly number[]) => void,
): void {
  const count = shape.reduce((a, b) => a * b, 1);
  const at = new Array<number>(shape.length).fill(0);
  const places = [...offsets];
  for (let element = 0; element < count; element++) {
    visit(element, places);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at[axis]++;
      for (let k = 0; k < places.length; k++) places[k] += strides[k][axis];
      if (at[axis] < shape[axis]) break;
      for (let k = 0; k < places.length; k++) places[k] -= strides[k][axis] * at[axis];
      at[axis] = 0;
    }
  }
}

/** Elements of `x` in another order. */
export function strided(
  x: HostValue,
  shape: readonly number[],
  strides: readonly number[],
  offset = 0,
): HostValue {
  const y = room(shape, x.type);
  walk(shape, [strides], [offset], (element, [place]) => {
    y.data[element] = x.data[place];
  });
  return y;
}

/** The same elements under another shape. */
export function reshaped(x: HostValue, shape: readonly number[]): HostValue {
  return { ...x, shape: [...shape] };
}
