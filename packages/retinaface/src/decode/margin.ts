import { keyMargin, marginKey } from "@retinaface-webgpu/kernels-wgsl";

/*
 * A prior's margin is its face logit minus its background logit, in single precision. It decides the order of
 * candidates, on the CPU as on the GPU: probabilities near 1 are no longer told apart in single precision, and an
 * exponential is not the same number on every adapter.
 */

/** Margins from `[N, 2]` logits of background and face; NaN where a logit is not finite, as one that overflowed. */
export function marginsOf(logits: Float32Array): Float32Array {
  const margins = new Float32Array(logits.length / 2);
  for (let i = 0; i < margins.length; i++) {
    const [background, face] = [logits[i * 2], logits[i * 2 + 1]];
    const sound = Number.isFinite(background) && Number.isFinite(face);
    margins[i] = sound ? face - background : Number.NaN;
  }
  return margins;
}

/** The face's probability (softmax of the two logits), rounded to single precision. */
export function probabilityOf(margin: number): number {
  return Math.fround(1 / (1 + Math.exp(-margin)));
}

/** Keys of the least and the greatest margin, -Infinity and Infinity. */
const LEAST_KEY = marginKey(Number.NEGATIVE_INFINITY);
const GREATEST_KEY = marginKey(Number.POSITIVE_INFINITY);

/**
 * The least key (see `marginKey`) of a margin whose probability is above `confidence` and at least `visibility`: by
 * bisection, so that comparing keys decides exactly as comparing probabilities does.
 */
export function thresholdKey(confidence: number, visibility: number): number {
  let low = LEAST_KEY;
  let high = GREATEST_KEY + 1;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const probability = probabilityOf(keyMargin(middle));
    if (probability > confidence && probability >= visibility) high = middle;
    else low = middle + 1;
  }
  return low;
}
