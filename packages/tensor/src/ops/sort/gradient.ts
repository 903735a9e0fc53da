import { scatterElementsOp } from "../gather/forward.js";
import type { Gradient } from "../spec.js";
import type { SortAttrs } from "./forward.js";

export const sortGradient: Gradient<SortAttrs> = ([g], [x], [, positions], { axis }) => [
  g && scatterElementsOp([g, positions], { axis, extent: x.shape[axis], unique: true })[0],
];
