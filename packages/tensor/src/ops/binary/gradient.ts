import { type BinaryOpWithGradient, binaryBackward } from "@retinaface-webgpu/kernels-wgsl";
import { defineOp } from "../op.js";
import { sumTo } from "../reduce/sum-to.js";
import type { Gradient } from "../spec.js";
import { neg } from "../unary/forward.js";

/** Attributes of the gradient of an operation with two operands: towards which. */
export interface TowardsAttrs {
  readonly operand: "a" | "b";
}

/** Gradients by the kernels' formulas, summed over the axes along which the operand was broadcast. */
function kernelGradient(op: BinaryOpWithGradient): Gradient<null> {
  const gradient = defineOp<TowardsAttrs>({
    name: `${op}Backward`,
    outputs: ([g]) => [g],
    forward: (run, [g, a, b], [out], { operand }) => {
      const spec = { op, aShape: a.shape, bShape: b.shape, shape: g.shape, type: g.dtype };
      run.kernel(binaryBackward(spec, operand), [g, a, b, out]);
    },
  });
  const operands = ["a", "b"] as const;
  return ([g], [a, b], _, __, needs) =>
    [a, b].map(({ shape }, k) => {
      if (!g || !needs[k]) return undefined;
      return sumTo(gradient([g, a, b], { operand: operands[k] })[0], shape);
    });
}

export const addGradient: Gradient<null> = ([g], [a, b], _, __, needs) =>
  [a, b].map((operand, k) => (g && needs[k] ? sumTo(g, operand.shape) : undefined));

export const subGradient: Gradient<null> = ([g], [a, b], _, __, needs) => [
  g && needs[0] ? sumTo(g, a.shape) : undefined,
  g && needs[1] ? sumTo(neg(g), b.shape) : undefined,
];

export const mulGradient = /* @__PURE__ */ kernelGradient("mul");
export const divGradient = /* @__PURE__ */ kernelGradient("div");
export const powGradient = /* @__PURE__ */ kernelGradient("pow");
export const maximumGradient = /* @__PURE__ */ kernelGradient("maximum");
export const minimumGradient = /* @__PURE__ */ kernelGradient("minimum");
export const preluGradient = /* @__PURE__ */ kernelGradient("prelu");

/** Of comparisons and other operations that are constant but for jumps. */
export const noGradient: Gradient<unknown> = () => [];
