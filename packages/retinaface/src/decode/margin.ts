import { keyMargin, marginKey } from "@retinaface-webgpu/kernels-wgsl";

/*
 * A prior's margin is its face logit minus its background logit, in single precision. It decides the order of
 * candidates, on the CPU as on the GPU: probabilities near 1 are no longer told apart in single precision, and an
 * exponential is not the same number on every adapter.
 */

/**
 * Margins from `[N, classes]` logits, the background's first: of the best class where there are several. NaN where a
 * logit is not finite, as one that overflowed.
 */
export function marginsOf(logits: Float32Array, classes = 2): Float32Array {
  const margins = new Float32Array(logits.length / classes);
  for (let i = 0; i < margins.length; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    margins[i] = row.every(Number.isFinite) ? row[bestClass(row)] - row[0] : Number.NaN;
  }
  return margins;
}

/** The class of each row of `[N, classes]` logits, from 1: that of the largest logit besides the background's. */
export function labelsOf(logits: Float32Array, classes: number): Uint32Array {
  return Uint32Array.from({ length: logits.length / classes }, (_, i) =>
    bestClass(logits.subarray(i * classes, (i + 1) * classes)),
  );
}

/** The class with the largest margin over the background, from 1; the first of equals. */
export function bestClass(row: Float32Array): number {
  const margin = (c: number) => Math.fround(row[c] - row[0]);
  let best = 1;
  for (let c = best + 1; c < row.length; c++) if (margin(c) > margin(best)) best = c;
  return best;
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
