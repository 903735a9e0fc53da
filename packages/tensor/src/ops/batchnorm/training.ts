import {
  batchNormNormalize,
  batchNormStatistics,
  batchNormWhole,
} from "@retinaface-webgpu/kernels-wgsl";
import { runPlan } from "../run-plan.js";
import type { OpSpec } from "../spec.js";
import { dimensions, isWhole, rowsOf, type TrainingAttrs } from "./forward.js";

/** How `trainingOp` is computed: statistics of the batch, running ones in place, then normalisation. */
export const normalizeByBatch: OpSpec<TrainingAttrs>["forward"] = (
  run,
  [x, gamma, beta, ...running],
  [y, mean, variance],
  { momentum, ...attrs },
) => {
  if (isWhole(run, x)) {
    const kernel = batchNormWhole({ ...dimensions(x), momentum, ...attrs });
    run.kernel(kernel, [x, gamma, beta, ...running, y, mean, variance]);
    return;
  }
  const plan = batchNormStatistics({ ...rowsOf(run, x), momentum });
  runPlan(run, plan, [x], [mean, variance, ...running]);
  const normalize = batchNormNormalize({ ...rowsOf(run, x), ...attrs });
  run.kernel(normalize, [x, mean, variance, gamma, beta, y]);
};
