import { OptionError } from "retinaface-webgpu";

/**
 * Online hard example mining on the CPU in double precision: which priors enter the classification
 * loss. All faces do, and of each image's background the priors with the highest cross-entropy, at
 * most `ratio` times its faces and never all priors (equal losses: the lower index first).
 * Shrivastava et al., "Training Region-based Object Detectors with Online Hard Example Mining", 2016.
 *
 * @param logits [B, N, 2]: background, face
 * @param labels [B, N]: 1 face, 0 background, −1 ignored
 * @returns [B, N]: 1 for the priors that enter the loss
 */
export function mineHardNegatives(
  logits: ArrayLike<number>,
  labels: Int32Array,
  batch: number,
  ratio: number,
): Uint8Array {
  const count = labels.length / batch;
  if (!Number.isInteger(count) || logits.length !== labels.length * 2) {
    throw new OptionError(
      `mining needs logits [${batch}, N, 2] and labels [${batch}, N], got ${logits.length} and ` +
        `${labels.length} values: give two logits and a label for each prior`,
    );
  }
  const chosen = new Uint8Array(labels.length);
  for (let image = 0; image < batch; image++) {
    const negatives: { prior: number; loss: number }[] = [];
    let faces = 0;
    for (let prior = image * count; prior < (image + 1) * count; prior++) {
      if (labels[prior] > 0) {
        chosen[prior] = 1;
        faces++;
      } else if (labels[prior] === 0) {
        negatives.push({ prior, loss: softplus(logits[prior * 2 + 1] - logits[prior * 2]) });
      }
    }
    negatives.sort((a, b) => b.loss - a.loss || a.prior - b.prior);
    const kept = Math.min(Math.floor(ratio * faces), count - 1);
    for (const { prior } of negatives.slice(0, kept)) chosen[prior] = 1;
  }
  return chosen;
}

/** ln(1 + eˣ): the cross-entropy of background for logits that differ by x. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
