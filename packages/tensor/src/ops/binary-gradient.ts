/** Gradients of operations on two tensors, apart from them so that a program that only runs networks carries none. */
import { type BinaryOpWithGradient, binaryBackward } from "@retinaface-webgpu/kernels-wgsl";
import { addOp, divOp, maximumOp, minimumOp, mulOp, powOp, preluOp, subOp } from "./binary.js";
import { defineOp, type OpSpec } from "./op.js";
import { sumTo } from "./reduce.js";
import { neg } from "./unary.js";

/** Gradients by the kernels' formulas, summed over the axes along which the operand was broadcast. */
function kernelBackward(op: BinaryOpWithGradient): OpSpec<null>["backward"] {
  const gradients = (["a", "b"] as const).map((operand) =>
    defineOp<null>({
      name: `${op}Backward`,
      outputs: ([g]) => [g],
      forward: (run, [g, a, b], [out]) => {
        const spec = { op, aShape: a.shape, bShape: b.shape, shape: g.shape, type: g.dtype };
        run.kernel(binaryBackward(spec, operand), [g, a, b, out]);
      },
    }),
  );
  return ([g], [a, b], _, __, needs) =>
    [a, b].map((operand, k) =>
      g && needs[k] ? sumTo(gradients[k]([g, a, b], null)[0], operand.shape) : undefined,
    );
}

addOp.spec.backward = ([g], [a, b], _, __, needs) =>
  [a, b].map((operand, k) => (g && needs[k] ? sumTo(g, operand.shape) : undefined));

subOp.spec.backward = ([g], [a, b], _, __, needs) => [
  g && needs[0] ? sumTo(g, a.shape) : undefined,
  g && needs[1] ? sumTo(neg(g), b.shape) : undefined,
];

mulOp.spec.backward = kernelBackward("mul");
divOp.spec.backward = kernelBackward("div");
powOp.spec.backward = kernelBackward("pow");
maximumOp.spec.backward = kernelBackward("maximum");
minimumOp.spec.backward = kernelBackward("minimum");
preluOp.spec.backward = kernelBackward("prelu");
