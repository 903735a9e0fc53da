import { mul } from "../binary/forward.js";
import { gather, scatterAdd } from "../gather/forward.js";
import { reshape } from "../movement/forward.js";
import { sum } from "../reduce/forward.js";
import type { Gradient } from "../spec.js";
import { csrRowsOp } from "./forward.js";

/** Both by the gradient's row of each value: one row of m numbers a value, in memory while it is computed. */
export const sparseMatmulGradient: Gradient<null> = (
  [g],
  [starts, at, values, dense],
  _,
  __,
  needs,
) => {
  if (!g) return [];
  const [rows] = csrRowsOp([starts, at], null);
  const perValue = gather(g, rows);
  return [
    undefined,
    undefined,
    needs[2] ? sum(mul(perValue, gather(dense, at)), { axes: [1] }) : undefined,
    needs[3] ? scatterAdd(mul(perValue, reshape(values, [-1, 1])), at, dense.shape[0]) : undefined,
  ];
};
