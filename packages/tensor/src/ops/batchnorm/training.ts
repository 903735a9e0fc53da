import { batchNormNormalize, batchNormStatistics } from "@retinaface-webgpu/kernels-wgsl";
import { runPlan } from "../run-plan.js";
import type { OpSpec } from "../spec.js";
import { dimensions, rowsOf, type TrainingAttrs } from "./forward.js";

/** How `trainingOp` is computed: statistics of the batch, running ones in place, then normalisation. */
export const normalizeByBatch: OpSpec<TrainingAttrs>["forward"] = (
  run,
  [x, gamma, beta, ...running],
  [y, mean, variance],
  { momentum, ...attrs },
) => {
  const plan = batchNormStatistics({ ...dimensions(x), momentum });
  runPlan(run, plan, [x], [mean, variance, ...running]);
  const normalize = batchNormNormalize({ ...rowsOf(run, x), ...attrs });
  run.kernel(normalize, [x, mean, variance, gamma, beta, y]);
};
