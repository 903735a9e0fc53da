import { type Shape, sameShape } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { reshape } from "../movement/forward.js";
import { sum } from "./forward.js";

/** Sums a tensor down to a shape that broadcasts to its own: the adjoint of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const lead = x.rank - shape.length;
  const axes = x.shape.map((_, k) => k).filter((k) => k < lead || shape[k - lead] !== x.shape[k]);
  return reshape(axes.length > 0 ? sum(x, { axes }) : x, shape);
}
