import { reshape, type Tensor } from "@retinaface-webgpu/tensor";
import type { NodeContext, Value } from "./context.js";

/** Maps one node to library calls. */
export type Mapping = (context: NodeContext) => Value[];

/** Mappings by ONNX's name. */
export type Mappings = Readonly<Record<string, Mapping>>;

export const unary =
  (f: (x: Tensor) => Tensor): Mapping =>
  (c) => [f(c.tensor(0))];

/** Before opset 7 `broadcast` aligned the second operand at `axis`; since then as NumPy. */
export function binary(f: (a: Tensor, b: Tensor) => Tensor): Mapping {
  return (c) => {
    const a = c.tensor(0);
    let b = c.tensor(1);
    const axis = c.opset < 7 ? c.attribute("axis", -1) : -1;
    if (axis >= 0) {
      b = reshape(b, [...b.shape, ...new Array<number>(a.rank - axis - b.rank).fill(1)]);
    }
    return [f(a, b)];
  };
}

/** The axis that an attribute names, counted from the start. */
export function axisOf(context: NodeContext, rank: number, otherwise: number): number {
  const axis = context.attribute("axis", otherwise);
  return axis < 0 ? axis + rank : axis;
}

/** Moves the last axis to `axis`. */
export function lastTo(axis: number, rank: number): number[] {
  const others = Array.from({ length: rank - 1 }, (_, i) => i);
  return [...others.slice(0, axis), rank - 1, ...others.slice(axis)];
}
