import { mul } from "../binary/forward.js";
import { gather, scatterAdd } from "../gather/forward.js";
import { reshape } from "../movement/forward.js";
import { sum } from "../reduce/forward.js";
import type { Gradient } from "../spec.js";
import { csrRowsOp, sparseMatmulOp } from "./forward.js";

/**
 * By the transposed matrix where it is at hand, else both by the gradient's row of each value: one row of m numbers a value,
 * in memory while it is computed.
 */
export const sparseMatmulGradient: Gradient<null> = (
  [g],
  [starts, at, values, dense, ...transposed],
  _,
  __,
  needs,
) => {
  if (!g) return [];
  if (transposed.length > 0) {
    const [gradient] = sparseMatmulOp([...transposed, g, starts, at, values], null);
    return [undefined, undefined, undefined, gradient];
  }
  const [rows] = csrRowsOp([starts, at], null);
  const perValue = gather(g, rows);
  return [
    undefined,
    undefined,
    needs[2] ? sum(mul(perValue, gather(dense, at)), { axes: [1] }) : undefined,
    needs[3] ? scatterAdd(mul(perValue, reshape(values, [-1, 1])), at, dense.shape[0]) : undefined,
  ];
};
