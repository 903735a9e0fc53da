import { sumTo } from "../reduce/sum-to.js";
import type { Gradient } from "../spec.js";
import { type MatmulAttrs, matmul } from "./forward.js";

export const matmulGradient: Gradient<MatmulAttrs> = (
  [g],
  [a, b],
  _,
  { transposeA, transposeB },
  needs,
) => {
  if (!g) return [];
  const gradA = () =>
    transposeA
      ? matmul(b, g, { transposeA: transposeB, transposeB: true })
      : matmul(g, b, { transposeB: !transposeB });
  const gradB = () =>
    transposeB
      ? matmul(g, a, { transposeA: true, transposeB: transposeA })
      : matmul(a, g, { transposeA: !transposeA });
  return [
    needs[0] ? sumTo(gradA(), a.shape) : undefined,
    needs[1] ? sumTo(gradB(), b.shape) : undefined,
  ];
};
