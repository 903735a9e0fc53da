import { at, build, type NdArray } from "./array.js";

/** Cross-entropy of each row [… , classes]; ignored rows give 0. */
export function crossEntropy(logits: NdArray, labels: NdArray, ignore: number): NdArray {
  const classes = logits.shape[logits.shape.length - 1];
  return build(labels.shape, (index) => {
    const label = at(labels, ...index);
    if (label === ignore) return 0;
    const row = Array.from({ length: classes }, (_, j) => at(logits, ...index, j));
    const highest = Math.max(...row);
    const total = row.reduce((sum, v) => sum + Math.exp(v - highest), 0);
    return Math.log(total) + highest - row[label];
  });
}

/** log(sigmoid(x)). */
function logSigmoid(x: number): number {
  return x < 0 ? x - Math.log1p(Math.exp(x)) : -Math.log1p(Math.exp(-x));
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Focal loss of one logit, as in the paper's definition extended to soft targets. */
export function focal(x: number, t: number, alpha: number, gamma: number): number {
  const crossEntropyOf = -(t * logSigmoid(x) + (1 - t) * logSigmoid(-x));
  const miss = sigmoid(x) * (1 - t) + sigmoid(-x) * t;
  const weight = alpha < 0 ? 1 : alpha * t + (1 - alpha) * (1 - t);
  return weight * crossEntropyOf * miss ** gamma;
}

export function smoothL1(x: number, t: number, beta: number): number {
  const d = Math.abs(x - t);
  return d < beta ? (d * d) / (2 * beta) : d - beta / 2;
}
