import { binaryOf } from "@retinaface-webgpu/kernels-wgsl";
import type { BinaryFunction } from "@retinaface-webgpu/kernels-wgsl/binary";
import * as fns from "@retinaface-webgpu/kernels-wgsl/binary";
import { TensorError } from "../../core/errors.js";
import { broadcastShapes } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype, sameDtype } from "../dtype-check.js";
import type { FusionTraits } from "../fusion.js";
import { requireNumberOf, requireOperands } from "../numbers.js";
import { defineOp, type Op } from "../op.js";
import * as unary from "../unary/forward.js";
import { addScalar, clamp, mulScalar, powScalar } from "../unary/forward.js";

/** Whether integers are taken too. */
type Types = "floats" | "all";

function declare(fn: BinaryFunction, types: Types = "all", fusion?: FusionTraits<null>): Op<null> {
  const { name } = fn;
  return defineOp<null>({
    name,
    fusion,
    outputs: (inputs) => {
      const [a, b] = inputs;
      if (types === "floats") requireDtype(name, a, "f32", "f16");
      sameDtype(name, inputs);
      return [{ shape: broadcastShapes(name, a.shape, b.shape), dtype: a.dtype }];
    },
    forward: (run, [a, b], [y]) => {
      const spec = { aShape: a.shape, bShape: b.shape, shape: y.shape, type: y.dtype };
      run.kernel(binaryOf(fn, spec), [a, b, y]);
    },
  });
}

export const addOp = /* @__PURE__ */ declare(fns.add, "all", { computes: () => ({ kind: "sum" }) });
export const subOp = /* @__PURE__ */ declare(fns.sub);
export const mulOp = /* @__PURE__ */ declare(fns.mul);
export const divOp = /* @__PURE__ */ declare(fns.div);
export const powOp = /* @__PURE__ */ declare(fns.pow, "floats");
export const maximumOp = /* @__PURE__ */ declare(fns.maximum);
export const minimumOp = /* @__PURE__ */ declare(fns.minimum);
export const preluOp = /* @__PURE__ */ declare(fns.prelu, "floats");
export const equalOp = /* @__PURE__ */ declare(fns.equal);
export const lessOp = /* @__PURE__ */ declare(fns.less);
export const lessEqualOp = /* @__PURE__ */ declare(fns.lessEqual);
export const greaterOp = /* @__PURE__ */ declare(fns.greater);
export const greaterEqualOp = /* @__PURE__ */ declare(fns.greaterEqual);

/** A tensor, or a number that stands for a tensor of the other operand's type, filled with it. */
export type Operand = Tensor | number;

/** Functions of a tensor and a number for one operation. */
interface Forms {
  readonly op: Op<null>;
  readonly right: (x: Tensor, value: number) => Tensor;
  readonly left: (value: number, x: Tensor) => Tensor;
}

function apply({ op, right, left }: Forms, a: Operand, b: Operand): Tensor {
  requireOperands(op.spec.name, a, b);
  if (typeof a === "number") return left(a, b as Tensor);
  return typeof b === "number" ? right(a, b) : op([a, b], null)[0];
}

/** The form with a number on one side, where that is a function of its own. */
function withNumber(op: Op<unary.UnaryAttrs>, shown: string) {
  return (x: Tensor, value: number): Tensor => {
    requireNumberOf(shown, value, x.dtype);
    return op([x], { a: value })[0];
  };
}

const numberMinus = /* @__PURE__ */ withNumber(unary.scalarSubOp, "sub");
const numberOver = /* @__PURE__ */ withNumber(unary.scalarDivOp, "div");

/** A number taken away: unsigned integers wrap around, as WGSL's do. */
function subScalar(x: Tensor, value: number): Tensor {
  if (x.dtype === "f32" || x.dtype === "f16") return addScalar(x, -value);
  requireNumberOf("sub", value, x.dtype);
  const opposite = x.dtype === "u32" ? -value >>> 0 : -value | 0;
  return unary.addScalarOp([x], { a: opposite })[0];
}

function divScalar(x: Tensor, value: number): Tensor {
  if (x.dtype === "f32" || x.dtype === "f16") return mulScalar(x, 1 / value);
  requireNumberOf("div", value, x.dtype);
  if (value === 0) {
    throw new TensorError("ARGUMENT", `div of ${x.dtype} by 0; cast(x, "f32") gives infinities.`);
  }
  return unary.divScalarOp([x], { a: value })[0];
}

/** A number to the power of a tensor. */
function powOfNumber(value: number, x: Tensor): Tensor {
  if (value > 0) return unary.scalarPowOp([x], { a: value })[0];
  throw new TensorError(
    "ARGUMENT",
    `pow(${value}, x): a number as base must be positive; give a tensor, such as full(device, [], ${value}).`,
  );
}

/** a + b with broadcasting; for numbers beside integer tensors see `sub`. */
export const add = (a: Operand, b: Operand): Tensor =>
  apply({ op: addOp, right: addScalar, left: (value, x) => addScalar(x, value) }, a, b);

/**
 * a − b with broadcasting; unsigned integers wrap around.
 *
 * @throws TensorError `DTYPE` for a number that the other operand's element type does not hold, such as 0.5 beside i32
 */
export const sub = (a: Operand, b: Operand): Tensor =>
  apply({ op: subOp, right: subScalar, left: (value, x) => numberMinus(x, value) }, a, b);

/** a · b with broadcasting. @throws as `sub` */
export const mul = (a: Operand, b: Operand): Tensor =>
  apply({ op: mulOp, right: mulScalar, left: (value, x) => mulScalar(x, value) }, a, b);

/** a / b with broadcasting; integer tensors divide towards zero, and not by the number 0. @throws as `sub` */
export const div = (a: Operand, b: Operand): Tensor =>
  apply({ op: divOp, right: divScalar, left: (value, x) => numberOver(x, value) }, a, b);

/** a to the power b with broadcasting; negative a take integer b only, and a that is a number is positive. */
export const pow = (a: Operand, b: Operand): Tensor =>
  apply({ op: powOp, right: powScalar, left: powOfNumber }, a, b);

/** The larger of a and b with broadcasting, NaN where either is; where two tensors tie, both get half of the gradient. */
export const maximum = (a: Operand, b: Operand): Tensor => {
  const right = (x: Tensor, value: number) => clamp(x, value, Number.POSITIVE_INFINITY);
  return apply({ op: maximumOp, right, left: (value, x) => right(x, value) }, a, b);
};

/** The smaller of a and b; else as `maximum`. */
export const minimum = (a: Operand, b: Operand): Tensor => {
  const right = (x: Tensor, value: number) => clamp(x, Number.NEGATIVE_INFINITY, value);
  return apply({ op: minimumOp, right, left: (value, x) => right(x, value) }, a, b);
};

/** x where positive, else slope · x; `slope` broadcasts, e.g. one per channel [C] (He et al. 2015). */
export const prelu = (x: Tensor, slope: Tensor): Tensor => preluOp([x, slope], null)[0];

/** A comparison, whose number on the left is the mirrored one with it on the right. */
function compare(op: Op<null>, right: Op<unary.UnaryAttrs>, left: Op<unary.UnaryAttrs>) {
  return (a: Operand, b: Operand): Tensor => {
    const name = op.spec.name;
    const forms = { right: withNumber(right, name), left: withNumber(left, name) };
    return apply({ op, right: forms.right, left: (value, x) => forms.left(x, value) }, a, b);
  };
}

/** 1 where a = b, else 0, in the operands' element type; broadcasts, and no gradient flows through it. */
export const equal = /* @__PURE__ */ compare(equalOp, unary.equalScalarOp, unary.equalScalarOp);
/** 1 where a < b, else 0. */
export const less = /* @__PURE__ */ compare(lessOp, unary.lessScalarOp, unary.greaterScalarOp);
/** 1 where a ≤ b, else 0. */
export const lessEqual = /* @__PURE__ */ compare(
  lessEqualOp,
  unary.lessEqualScalarOp,
  unary.greaterEqualScalarOp,
);
/** 1 where a > b, else 0. */
export const greater = /* @__PURE__ */ compare(
  greaterOp,
  unary.greaterScalarOp,
  unary.lessScalarOp,
);
/** 1 where a ≥ b, else 0. */
export const greaterEqual = /* @__PURE__ */ compare(
  greaterEqualOp,
  unary.greaterEqualScalarOp,
  unary.lessEqualScalarOp,
);
