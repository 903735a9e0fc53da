import {
  batchNormBackwardInference,
  batchNormBackwardInput,
  batchNormBackwardParameters,
} from "@retinaface-webgpu/kernels-wgsl";
import { defineOp } from "../op.js";
import { runPlan } from "../run-plan.js";
import type { Gradient } from "../spec.js";
import { type BatchNormAttrs, dimensions, type TrainingAttrs } from "./forward.js";

/** Gradients to gamma and beta, and both in one, from g, x, mean, variance and, with an activation, y. */
const parameterGradients = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormParameterGradients",
  outputs: ([, , mean]) => [mean, mean, { shape: [2, ...mean.shape], dtype: mean.dtype }],
  forward: (run, inputs, gradients, attrs) => {
    const plan = batchNormBackwardParameters({ ...dimensions(inputs[1]), ...attrs });
    runPlan(run, plan, inputs, gradients);
  },
});

/** Gradient to x through the batch's own statistics. */
const batchInputGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInputGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInput({ ...dimensions(gx), ...attrs }), [...inputs, gx]),
});

/** Gradient to x with given statistics. */
const givenInputGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInferenceGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInference({ ...dimensions(gx), ...attrs }), [...inputs, gx]),
});

/** Of `inferenceOp`; the statistics get none. */
export const inferenceGradient: Gradient<BatchNormAttrs> = (
  [g],
  [x, mean, variance, gamma],
  [y],
  attrs,
  needs,
) => {
  if (!g) return [];
  const activated = attrs.slope === undefined ? [] : [y];
  const [gx] = needs[0] ? givenInputGradient([g, variance, gamma, ...activated], attrs) : [];
  const [gGamma, gBeta] =
    needs[3] || needs[4] ? parameterGradients([g, x, mean, variance, ...activated], attrs) : [];
  return [gx, undefined, undefined, gGamma, gBeta];
};

/** Of `trainingOp`. */
export const trainingGradient: Gradient<TrainingAttrs> = (
  [g],
  [x, gamma],
  [y, mean, variance],
  { momentum: _, ...attrs },
  needs,
) => {
  if (!g) return [];
  const activated = attrs.slope === undefined ? [] : [y];
  const values = [x, mean, variance];
  const [gGamma, gBeta, sums] = parameterGradients([g, ...values, ...activated], attrs);
  const [gx] = needs[0] ? batchInputGradient([g, ...values, gamma, sums, ...activated], attrs) : [];
  return [gx, gGamma, gBeta];
};
