import {
  type BinaryOp,
  type BinaryOpWithGradient,
  binary,
  binaryBackward,
} from "@retinaface-webgpu/kernels-wgsl";
import { broadcastShapes } from "../shape.js";
import type { Tensor, TensorInfo } from "../tensor.js";
import { sameDtype } from "./dtype-check.js";
import { defineOp, type Grads } from "./op.js";
import { sumTo } from "./reduce.js";
import { addScalar, clamp, mulScalar, neg, powScalar } from "./unary.js";

function outputs(op: string, inputs: readonly TensorInfo[]): TensorInfo[] {
  const [a, b] = inputs;
  sameDtype(op, inputs);
  return [{ shape: broadcastShapes(op, a.shape, b.shape), dtype: a.dtype }];
}

type Backward = (
  grads: Grads,
  inputs: readonly Tensor[],
  needs: readonly boolean[],
) => (Tensor | undefined)[];

function declare(op: BinaryOp, backward?: Backward): (a: Tensor, b: Tensor) => Tensor {
  const apply = defineOp<null>({
    name: op,
    outputs: (inputs) => outputs(op, inputs),
    forward: (run, [a, b], [y]) => {
      const spec = { op, aShape: a.shape, bShape: b.shape, shape: y.shape, type: y.dtype };
      run.kernel(binary(spec), [a, b, y]);
    },
    backward: backward && ((grads, inputs, _, __, needs) => backward(grads, inputs, needs)),
  });
  return (a, b) => apply([a, b], null)[0];
}

/** Gradients by the kernels' formulas, summed over the axes along which the operand was broadcast. */
function kernelBackward(op: BinaryOpWithGradient): Backward {
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
  return ([g], [a, b], needs) =>
    [a, b].map((operand, k) =>
      g && needs[k] ? sumTo(gradients[k]([g, a, b], null)[0], operand.shape) : undefined,
    );
}

const addOp = /* @__PURE__ */ declare("add", ([g], [a, b], needs) =>
  [a, b].map((operand, k) => (g && needs[k] ? sumTo(g, operand.shape) : undefined)),
);

const subOp = /* @__PURE__ */ declare("sub", ([g], [a, b], needs) => [
  g && needs[0] ? sumTo(g, a.shape) : undefined,
  g && needs[1] ? sumTo(neg(g), b.shape) : undefined,
]);

const mulOp = /* @__PURE__ */ declare("mul", kernelBackward("mul"));
const divOp = /* @__PURE__ */ declare("div", kernelBackward("div"));
const powOp = /* @__PURE__ */ declare("pow", kernelBackward("pow"));
const maximumOp = /* @__PURE__ */ declare("maximum", kernelBackward("maximum"));
const minimumOp = /* @__PURE__ */ declare("minimum", kernelBackward("minimum"));
const preluOp = /* @__PURE__ */ declare("prelu", kernelBackward("prelu"));

/** a + b with broadcasting. */
export const add = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? addScalar(a, b) : addOp(a, b);

/** a − b with broadcasting. */
export const sub = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? addScalar(a, -b) : subOp(a, b);

/** a · b with broadcasting. */
export const mul = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? mulScalar(a, b) : mulOp(a, b);

/** a / b with broadcasting; integer tensors divide towards zero. */
export const div = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? mulScalar(a, 1 / b) : divOp(a, b);

/** a to the power b with broadcasting; negative a take integer b only. */
export const pow = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? powScalar(a, b) : powOp(a, b);

/** The larger of a and b with broadcasting; where they are equal, both get half of the gradient. */
export const maximum = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? clamp(a, b, Number.POSITIVE_INFINITY) : maximumOp(a, b);

/** The smaller of a and b with broadcasting; where they are equal, both get half of the gradient. */
export const minimum = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? clamp(a, Number.NEGATIVE_INFINITY, b) : minimumOp(a, b);

/** x where positive, else slope · x; `slope` broadcasts, e.g. one per channel [C] (He et al. 2015). */
export const prelu = (x: Tensor, slope: Tensor): Tensor => preluOp(x, slope);

/** 1 where a = b, else 0, in the operands' element type; broadcasts, and has no gradient. */
export const equal: (a: Tensor, b: Tensor) => Tensor = declare("equal");
/** 1 where a < b, else 0. */
export const less: (a: Tensor, b: Tensor) => Tensor = declare("less");
/** 1 where a ≤ b, else 0. */
export const lessEqual: (a: Tensor, b: Tensor) => Tensor = declare("lessEqual");
/** 1 where a > b, else 0. */
export const greater: (a: Tensor, b: Tensor) => Tensor = declare("greater");
/** 1 where a ≥ b, else 0. */
export const greaterEqual: (a: Tensor, b: Tensor) => Tensor = declare("greaterEqual");
