import { type BinaryOp, binary } from "@retinaface-webgpu/kernels-wgsl";
import { broadcastShapes } from "../../core/shape.js";
import type { Tensor, TensorInfo } from "../../core/tensor.js";
import { sameDtype } from "../dtype-check.js";
import type { FusionTraits } from "../fusion.js";
import { defineOp, type Op } from "../op.js";
import { addScalar, clamp, mulScalar, powScalar } from "../unary/forward.js";

function outputs(op: string, inputs: readonly TensorInfo[]): TensorInfo[] {
  const [a, b] = inputs;
  sameDtype(op, inputs);
  return [{ shape: broadcastShapes(op, a.shape, b.shape), dtype: a.dtype }];
}

function declare(op: BinaryOp, fusion?: FusionTraits<null>): Op<null> {
  return defineOp<null>({
    name: op,
    fusion,
    outputs: (inputs) => outputs(op, inputs),
    forward: (run, [a, b], [y]) => {
      const spec = { op, aShape: a.shape, bShape: b.shape, shape: y.shape, type: y.dtype };
      run.kernel(binary(spec), [a, b, y]);
    },
  });
}

export const addOp = /* @__PURE__ */ declare("add", { computes: () => ({ kind: "sum" }) });
export const subOp = /* @__PURE__ */ declare("sub");
export const mulOp = /* @__PURE__ */ declare("mul");
export const divOp = /* @__PURE__ */ declare("div");
export const powOp = /* @__PURE__ */ declare("pow");
export const maximumOp = /* @__PURE__ */ declare("maximum");
export const minimumOp = /* @__PURE__ */ declare("minimum");
export const preluOp = /* @__PURE__ */ declare("prelu");
const equalOp = /* @__PURE__ */ declare("equal");
const lessOp = /* @__PURE__ */ declare("less");
const lessEqualOp = /* @__PURE__ */ declare("lessEqual");
const greaterOp = /* @__PURE__ */ declare("greater");
const greaterEqualOp = /* @__PURE__ */ declare("greaterEqual");

/** a + b with broadcasting. */
export const add = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? addScalar(a, b) : addOp([a, b], null)[0];

/** a − b with broadcasting. */
export const sub = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? addScalar(a, -b) : subOp([a, b], null)[0];

/** a · b with broadcasting. */
export const mul = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? mulScalar(a, b) : mulOp([a, b], null)[0];

/** a / b with broadcasting; integer tensors divide towards zero. */
export const div = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? mulScalar(a, 1 / b) : divOp([a, b], null)[0];

/** a to the power b with broadcasting; negative a take integer b only. */
export const pow = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? powScalar(a, b) : powOp([a, b], null)[0];

/** The larger of a and b with broadcasting; where they are equal, both get half of the gradient. */
export const maximum = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? clamp(a, b, Number.POSITIVE_INFINITY) : maximumOp([a, b], null)[0];

/** The smaller of a and b with broadcasting; where they are equal, both get half of the gradient. */
export const minimum = (a: Tensor, b: Tensor | number): Tensor =>
  typeof b === "number" ? clamp(a, Number.NEGATIVE_INFINITY, b) : minimumOp([a, b], null)[0];

/** x where positive, else slope · x; `slope` broadcasts, e.g. one per channel [C] (He et al. 2015). */
export const prelu = (x: Tensor, slope: Tensor): Tensor => preluOp([x, slope], null)[0];

/** 1 where a = b, else 0, in the operands' element type; broadcasts, and has no gradient. */
export const equal = (a: Tensor, b: Tensor): Tensor => equalOp([a, b], null)[0];
/** 1 where a < b, else 0. */
export const less = (a: Tensor, b: Tensor): Tensor => lessOp([a, b], null)[0];
/** 1 where a ≤ b, else 0. */
export const lessEqual = (a: Tensor, b: Tensor): Tensor => lessEqualOp([a, b], null)[0];
/** 1 where a > b, else 0. */
export const greater = (a: Tensor, b: Tensor): Tensor => greaterOp([a, b], null)[0];
/** 1 where a ≥ b, else 0. */
export const greaterEqual = (a: Tensor, b: Tensor): Tensor => greaterEqualOp([a, b], null)[0];
