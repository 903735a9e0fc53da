import type { Gradient } from "../spec.js";
import { type GatherAttrs, gather, type ScatterAttrs, scatterAdd } from "./forward.js";

export const gatherGradient: Gradient<GatherAttrs> = ([g], [x, index], _, { axis }) => [
  g && scatterAdd(g, index, x.shape[axis], axis),
];

export const scatterGradient: Gradient<ScatterAttrs> = ([g], [, index], _, { axis }) => [
  g && gather(g, index, axis),
];
