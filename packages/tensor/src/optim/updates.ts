/**
 * What changes tensors in place: the optimizers' formulas, clipping, averaging, adding up. As operations, so that
 * a compiled step records the same ones; none has a gradient. Their attributes are live: a compiled step reads
 * the learning rate and the number of the step anew at each run.
 */
import {
  type AdamSpec,
  accumulate,
  adamUpdate,
  clipByNorm,
  contiguousStrides,
  lerpUpdate,
  type SgdSpec,
  sgdUpdate,
  stridedCopy,
  unscale,
} from "@retinaface-webgpu/kernels-wgsl";
import { ShapeError } from "../core/errors.js";
import { showShape } from "../core/shape.js";
import type { TensorInfo } from "../core/tensor.js";
import { defineOp } from "../ops/op.js";

/** The shape rule of an operation that makes nothing: operands from the first on have as many elements. */
function nothing(name: string, operands: readonly (TensorInfo & { size?: number })[]): [] {
  const sizes = operands.map(({ shape }) => shape.reduce((a, b) => a * b, 1));
  if (sizes.some((size) => size !== sizes[0])) {
    const shapes = operands.map(({ shape }) => showShape(shape)).join(", ");
    throw new ShapeError(`${name}: ${shapes} differ in size; give tensors of one size`);
  }
  return [];
}

/** Inputs: gradient, parameter, and with momentum the velocity. */
export const sgdUpdateOp = /* @__PURE__ */ defineOp<Omit<SgdSpec, "count">>({
  name: "sgdUpdate",
  updates: [1, 2],
  varies: true,
  outputs: (inputs) => nothing("sgdUpdate", inputs),
  forward: (run, inputs, _, { learningRate, momentum, nesterov, weightDecay }) => {
    const count = inputs[0].size;
    const spec = { count, learningRate, momentum, nesterov, weightDecay };
    run.kernel(sgdUpdate(spec), inputs);
  },
});

/** Inputs: gradient, parameter, first and second moment. */
export const adamUpdateOp = /* @__PURE__ */ defineOp<Omit<AdamSpec, "count">>({
  name: "adamUpdate",
  updates: [1, 2, 3],
  varies: true,
  outputs: (inputs) => nothing("adamUpdate", inputs),
  forward: (run, inputs, _, attrs) => {
    const { learningRate, beta1, beta2, eps, weightDecay, decoupled, step } = attrs;
    const rates = { learningRate, beta1, beta2, eps, weightDecay, decoupled, step };
    run.kernel(adamUpdate({ count: inputs[0].size, ...rates }), inputs);
  },
});

/** target ← target + weight · (source − target). Inputs: source, target. */
export const lerpUpdateOp = /* @__PURE__ */ defineOp<{ readonly weight: number }>({
  name: "lerpUpdate",
  updates: [1],
  varies: true,
  outputs: (inputs) => nothing("lerpUpdate", inputs),
  forward: (run, inputs, _, { weight }) => run.kernel(lerpUpdate(inputs[1].size, weight), inputs),
});

/** Scales a gradient by min(1, maxNorm / (√sumSquares + 1e-6)). Inputs: sum of squares `[]`, gradient. */
export const clipByNormOp = /* @__PURE__ */ defineOp<{ readonly maxNorm: number }>({
  name: "clipByNorm",
  updates: [1],
  outputs: () => [],
  forward: (run, inputs, _, { maxNorm }) => run.kernel(clipByNorm(inputs[1].size, maxNorm), inputs),
});

/** Divides a gradient by the loss's scale. Inputs: scale `[]`, gradient. */
export const unscaleOp = /* @__PURE__ */ defineOp<null>({
  name: "unscale",
  updates: [1],
  outputs: () => [],
  forward: (run, inputs) => run.kernel(unscale(inputs[1].size), inputs),
});

/** total ← total + share · value, without what was there where `fresh`. Inputs: value, total. */
export const accumulateOp = /* @__PURE__ */ defineOp<{
  readonly share: number;
  readonly fresh: boolean;
}>({
  name: "accumulate",
  updates: [1],
  varies: true,
  outputs: (inputs) => nothing("accumulate", inputs),
  forward: (run, inputs, _, { share, fresh }) =>
    run.kernel(accumulate(inputs[1].size, share, fresh), inputs),
});

/** target ← source, elements in order. Inputs: source, target. */
export const assignOp = /* @__PURE__ */ defineOp<null>({
  name: "assign",
  updates: [1],
  outputs: (inputs) => nothing("assign", inputs),
  forward: (run, inputs) => {
    const shape = [inputs[0].size];
    const dense = { strides: contiguousStrides(shape) };
    run.kernel(stridedCopy({ shape, from: dense, to: dense, type: inputs[0].dtype }), inputs);
  },
});
