import { sumTo } from "../reduce/sum-to.js";
import type { Gradient } from "../spec.js";
import { where } from "./forward.js";

export const whereGradient: Gradient<null> = ([g], [condition, a, b], _, __, needs) => {
  if (!g) return [];
  return [
    undefined,
    needs[1] ? sumTo(where(condition, g, 0), a.shape) : undefined,
    needs[2] ? sumTo(where(condition, 0, g), b.shape) : undefined,
  ];
};
