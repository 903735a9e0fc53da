import { OptionError } from "retinaface-webgpu";

/** The smallest number above `value` that a similarity in 32 bits can be. */
function nextAbove(value: number): number {
  const single = new Float32Array([value]);
  if (single[0] > value) return single[0];
  if (single[0] === 0) return 2 ** -149;
  const bits = new Int32Array(single.buffer);
  bits[0] += single[0] > 0 ? 1 : -1;
  return single[0];
}

/**
 * The lowest threshold, up to rounding to 32 bits, at which no more than a share `far` of strangers is accepted: on these
 * scores, exactly. The share is a statement about others like them only where there are several times 1 / `far` of them; with
 * fewer than 1 / `far` it lies just above the highest.
 *
 * @param scores for each stranger's picture, the similarity to whom it is most similar to; a face is accepted from the
 * threshold on
 * @param far false-accept rate, from 0 on and below 1
 * @throws OptionError
 */
export function thresholdAtFar(scores: ArrayLike<number>, far: number): number {
  if (!(far >= 0 && far < 1)) {
    throw new OptionError(`far must be a number from 0 on and below 1, got ${far}`);
  }
  if (scores.length === 0) {
    throw new OptionError("a threshold is chosen on pictures of strangers: there is none");
  }
  const sorted = Float64Array.from(scores).sort().reverse();
  if (sorted.some(Number.isNaN)) throw new OptionError("a stranger's score is not a number");
  // A rate such as 0.1 of 30 must not become 2 by rounding.
  const accepted = Math.floor(far * sorted.length + 1e-9);
  return nextAbove(sorted[accepted]);
}
