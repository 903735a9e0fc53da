import { hardNegatives } from "@retinaface-webgpu/kernels-wgsl";
import { defineOp, noGrad, type Tensor } from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";

const hardNegativesOp = /* @__PURE__ */ defineOp<{ readonly ratio: number }>({
  name: "hardNegatives",
  outputs: ([losses]) => [losses],
  forward: (run, [losses, labels], [chosen], { ratio }) => {
    const [batch, priors] = labels.shape;
    run.kernel(hardNegatives({ batch, priors, ratio }), [losses, labels, chosen]);
  },
});

/**
 * Online hard example mining on the GPU: as `mineHardNegatives`, from losses that are there already.
 *
 * @param losses [B, N] classification losses
 * @param labels [B, N] i32: 1 or more for a face, 0 background, −1 ignored
 * @returns [B, N] f32: 1 for the priors that enter the loss, else 0; it has no gradient
 */
export function selectHardNegatives(losses: Tensor, labels: Tensor, ratio: number): Tensor {
  if (labels.rank !== 2 || labels.dtype !== "i32" || losses.size !== labels.size) {
    throw new OptionError(
      `mining needs losses and i32 labels [B, N], got [${losses.shape}] and ${labels.dtype} [${labels.shape}]: give a loss and a label for each prior`,
    );
  }
  if (!(ratio >= 0))
    throw new OptionError(`the ratio of negatives must be 0 or more, not ${ratio}`);
  return noGrad(() => hardNegativesOp([losses, labels], { ratio }))[0];
}
