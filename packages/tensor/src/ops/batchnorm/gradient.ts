import {
  batchNormBackwardInference,
  batchNormBackwardInput,
  batchNormBackwardParameters,
  batchNormBackwardWhole,
} from "@retinaface-webgpu/kernels-wgsl";
import { defineOp } from "../op.js";
import { runPlan } from "../run-plan.js";
import type { Gradient } from "../spec.js";
import { type BatchNormAttrs, dimensions, isWhole, rowsOf, type TrainingAttrs } from "./forward.js";

/** Gradients to gamma and beta, and both in one, from g, x, mean, variance and, with an activation, gamma and beta. */
const parameterGradients = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormParameterGradients",
  outputs: ([, , mean]) => [mean, mean, { shape: [2, ...mean.shape], dtype: mean.dtype }],
  forward: (run, inputs, gradients, attrs) => {
    const plan = batchNormBackwardParameters({ ...rowsOf(run, inputs[1]), ...attrs });
    runPlan(run, plan, inputs, gradients);
  },
});

/** Gradient to x through the batch's own statistics. */
const batchInputGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInputGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInput({ ...rowsOf(run, gx), ...attrs }), [...inputs, gx]),
});

/** All three in one dispatch. */
const batchGradients = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormGradients",
  outputs: ([g, , mean]) => [g, mean, mean],
  forward: (run, inputs, gradients, attrs) => {
    const kernel = batchNormBackwardWhole({ ...dimensions(inputs[1]), ...attrs });
    run.kernel(kernel, [...inputs, ...gradients]);
  },
});

/** Gradient to x with given statistics. */
const givenInputGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInferenceGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInference({ ...rowsOf(run, gx), ...attrs }), [...inputs, gx]),
});

/** Of `inferenceOp`; the statistics get none. */
export const inferenceGradient: Gradient<BatchNormAttrs> = (
  [g],
  [x, mean, variance, gamma, beta],
  [y],
  attrs,
  needs,
) => {
  if (!g) return [];
  const activated = attrs.slope === undefined ? [] : [y];
  const [gx] = needs[0] ? givenInputGradient([g, variance, gamma, ...activated], attrs) : [];
  const affine = attrs.slope === undefined ? [] : [gamma, beta];
  const [gGamma, gBeta] =
    needs[3] || needs[4] ? parameterGradients([g, x, mean, variance, ...affine], attrs) : [];
  return [gx, undefined, undefined, gGamma, gBeta];
};

/** Of `trainingOp`. */
export const trainingGradient: Gradient<TrainingAttrs> = (
  [g],
  [x, gamma, beta],
  [, mean, variance],
  { momentum: _, ...attrs },
  needs,
) => {
  if (!g) return [];
  const values = [x, mean, variance];
  const shift = attrs.slope === undefined ? [] : [beta];
  if (needs[0] && isWhole(x, x)) return batchGradients([g, ...values, gamma, ...shift], attrs);
  const affine = attrs.slope === undefined ? [] : [gamma, beta];
  const [gGamma, gBeta, sums] = parameterGradients([g, ...values, ...affine], attrs);
  const [gx] = needs[0] ? batchInputGradient([g, ...values, gamma, sums, ...shift], attrs) : [];
  return [gx, gGamma, gBeta];
};
