import { clipByNorm } from "@retinaface-webgpu/kernels-wgsl";
import { describe } from "../core/arguments.js";
import { TensorError } from "../core/errors.js";
import { tidy } from "../core/scope.js";
import type { Tensor } from "../core/tensor.js";
import type { Parameter } from "../nn/parameter.js";
import { record } from "../ops/op.js";
import { sumSquares } from "../ops/reduce/forward.js";
import { sqrt } from "../ops/unary/forward.js";
import { gather, scatter } from "./flat.js";

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), `norm` being the Euclidean norm of all of them
 * together (Pascanu et al. 2013; PyTorch's `clip_grad_norm_`). Nothing is read back.
 *
 * @returns the norm before clipping, `[]`, or `undefined` where no parameter has a gradient. It is NaN
 * where a gradient is: those stay as they are.
 * @throws TensorError `OPTIMIZER` for a largest norm that is no number of 0 or more
 */
export function clipGradNorm(parameters: Iterable<Parameter>, maxNorm: number): Tensor | undefined {
  if (!(typeof maxNorm === "number" && maxNorm >= 0)) {
    throw new TensorError(
      "OPTIMIZER",
      `clipGradNorm takes a number of 0 or more as the largest norm, not ${describe(maxNorm)}.`,
    );
  }
  const gradients = [...parameters].flatMap(({ grad }) => (grad ? [grad] : []));
  if (gradients.length === 0) return undefined;
  return tidy(() => {
    const flat = gather(gradients);
    const total = sumSquares(flat);
    record(flat.device, (run) => run.kernel(clipByNorm(flat.size, maxNorm), [total, flat]));
    scatter(flat, gradients);
    return sqrt(total);
  });
}
