import { clipByNorm, reduce } from "@retinaface-webgpu/kernels-wgsl";
import type { Device } from "../device/device.js";
import type { Parameter } from "../nn/parameter.js";
import { type OpRun, record } from "../ops/op.js";
import { sum } from "../ops/reduce.js";
import { sqrt } from "../ops/unary.js";
import { tidy } from "../scope.js";
import { type Tensor, zeros } from "../tensor.js";

/** Elements between two slots: bindings start at multiples of 256 bytes. */
const SLOT = 64;

/**
 * Scales all gradients by min(1, maxNorm / (norm + 1e-6)), `norm` being the Euclidean norm of all of them
 * together (Pascanu et al. 2013; PyTorch's `clip_grad_norm_`). Nothing is read back.
 *
 * @returns the norm before clipping, `[]`, or `undefined` where no parameter has a gradient. It is NaN
 * where a gradient is: those stay as they are.
 */
export function clipGradNorm(parameters: Iterable<Parameter>, maxNorm: number): Tensor | undefined {
  const gradients = [...parameters].flatMap(({ grad }) => (grad ? [grad] : []));
  if (gradients.length === 0) return undefined;
  return tidy(() => {
    const { device } = gradients[0];
    const sumSquares = sum(squares(device, gradients));
    record(device, (run) => {
      for (const gradient of gradients) {
        run.kernel(clipByNorm(gradient.size, maxNorm), [sumSquares, gradient]);
      }
    });
    return sqrt(sumSquares);
  });
}

/** Sum of squares of each gradient, a slot each. */
function squares(device: Device, gradients: readonly Tensor[]): Tensor {
  const slots = zeros(device, [gradients.length * SLOT]);
  const { buffer } = slots.storage.buffer;
  record(device, (run) => {
    for (const [i, gradient] of gradients.entries()) {
      let source: Parameters<OpRun["kernel"]>[1][number] = gradient;
      const plan = reduce({ op: "sumSquares", shape: [gradient.size], axes: [0] });
      for (const [k, kernel] of plan.kernels.entries()) {
        const last = k === plan.scratch.length;
        const target = last
          ? { buffer, offset: i * SLOT * 4, size: 16 }
          : run.scratch(plan.scratch[k]);
        run.kernel(kernel, [source, target]);
        source = target;
      }
    }
  });
  return slots;
}
