import { type UnaryOp, unaryBackward, unaryGradientFrom } from "@retinaface-webgpu/kernels-wgsl";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import type { UnaryAttrs } from "./forward.js";

/** The gradient of an elementwise function, from its input or from its output. */
export function unaryGradient(op: UnaryOp): Gradient<UnaryAttrs> {
  const from = unaryGradientFrom(op);
  const backward = defineOp<UnaryAttrs>({
    name: `${op}Backward`,
    outputs: ([g]) => [g],
    forward: (run, [g, xOrY], [gx], attrs) =>
      run.kernel(unaryBackward({ op, count: g.size, type: g.dtype, ...attrs }), [g, xOrY, gx]),
  });
  return ([g], [x], [y], attrs) => [g && backward([g, from === "x" ? x : y], attrs)[0]];
}
