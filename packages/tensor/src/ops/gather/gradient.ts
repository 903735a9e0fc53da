import type { Gradient } from "../spec.js";
import {
  type GatherAttrs,
  gather,
  gatherElements,
  type ScatterAttrs,
  type ScatterElementsAttrs,
  scatterAdd,
  scatterAddElements,
} from "./forward.js";

export const gatherGradient: Gradient<GatherAttrs> = ([g], [x, index], _, { axis }) => [
  g && scatterAdd(g, index, x.shape[axis], axis),
];

export const scatterGradient: Gradient<ScatterAttrs> = ([g], [, index], _, { axis }) => [
  g && gather(g, index, axis),
];

export const gatherElementsGradient: Gradient<GatherAttrs> = ([g], [x, index], _, { axis }) => [
  g && scatterAddElements(g, index, x.shape[axis], axis),
];

export const scatterElementsGradient: Gradient<ScatterElementsAttrs> = (
  [g],
  [, index],
  _,
  { axis },
) => [g && gatherElements(g, index, axis)];
