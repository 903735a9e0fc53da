/** Training of batch norm, apart from it so that a program that only runs networks does not carry its kernels. */
import {
  batchNormBackwardInference,
  batchNormBackwardInput,
  batchNormBackwardParameters,
  batchNormNormalize,
  batchNormStatistics,
} from "@retinaface-webgpu/kernels-wgsl";
import { type BatchNormAttrs, dimensions, inferenceOp, trainingOp } from "./batchnorm.js";
import { defineOp } from "./op.js";
import { runPlan } from "./run-plan.js";

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
const inputGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInputGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInput({ ...dimensions(gx), ...attrs }), [...inputs, gx]),
});

/** Gradient to x with given statistics. */
const inferenceGradient = /* @__PURE__ */ defineOp<BatchNormAttrs>({
  name: "batchNormInferenceGradient",
  outputs: ([g]) => [g],
  forward: (run, inputs, [gx], attrs) =>
    run.kernel(batchNormBackwardInference({ ...dimensions(gx), ...attrs }), [...inputs, gx]),
});

inferenceOp.spec.backward = ([g], [x, mean, variance, gamma], [y], attrs, needs) => {
  if (!g) return [];
  const activated = attrs.slope === undefined ? [] : [y];
  const [gx] = needs[0] ? inferenceGradient([g, variance, gamma, ...activated], attrs) : [];
  const [gGamma, gBeta] =
    needs[3] || needs[4] ? parameterGradients([g, x, mean, variance, ...activated], attrs) : [];
  return [gx, undefined, undefined, gGamma, gBeta];
};

trainingOp.spec.forward = (
  run,
  [x, gamma, beta, ...running],
  [y, mean, variance],
  { momentum, ...attrs },
) => {
  const plan = batchNormStatistics({ ...dimensions(x), momentum });
  runPlan(run, plan, [x], [mean, variance, ...running]);
  const normalize = batchNormNormalize({ ...dimensions(x), ...attrs });
  run.kernel(normalize, [x, mean, variance, gamma, beta, y]);
};

trainingOp.spec.backward = (
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
  const [gx] = needs[0] ? inputGradient([g, ...values, gamma, sums, ...activated], attrs) : [];
  return [gx, gGamma, gBeta];
};
