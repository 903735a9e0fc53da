import type { Gradient } from "../spec.js";
import { type CumulativeAttrs, cumulativeSumOp } from "./forward.js";

export const cumulativeSumGradient: Gradient<CumulativeAttrs> = ([g], _, __, attrs) => [
  g && cumulativeSumOp([g], { ...attrs, reverse: !attrs.reverse })[0],
];
