import { zeros } from "../../core/tensor.js";
import { sumTo } from "../reduce/sum-to.js";
import type { Gradient } from "../spec.js";
import { where } from "./forward.js";

export const whereGradient: Gradient<null> = ([g], [condition, a, b], _, __, needs) => {
  if (!g) return [];
  const zero = zeros(g.device, [], { dtype: g.dtype });
  return [
    undefined,
    needs[1] ? sumTo(where(condition, g, zero), a.shape) : undefined,
    needs[2] ? sumTo(where(condition, zero, g), b.shape) : undefined,
  ];
};
