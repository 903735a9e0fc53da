import { requireOptions } from "../core/arguments.js";
import { ShapeError } from "../core/errors.js";
import { showShape } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { matmul } from "./matmul/forward.js";
import { broadcastTo } from "./movement/forward.js";
import { numberOp, where } from "./select/forward.js";
import { softmax } from "./softmax/forward.js";
import { tril } from "./triangle/forward.js";
import { mulScalar } from "./unary/forward.js";

/** Options of `scaledDotProductAttention`. */
export interface AttentionOptions {
  /** 1 (or any number but 0) where a query may look at a key, else 0; broadcasts to [… queries, keys]. */
  readonly mask?: Tensor | undefined;
  /** Whether query i sees only the keys up to i; false by default. */
  readonly isCausal?: boolean;
  /** What products are scaled by; 1 / √(length of a query) by default. */
  readonly scale?: number;
}

/**
 * softmax(q · kᵀ · scale) · v (Vaswani et al. 2017), leading axes being batches and heads. A query that sees no key gives
 * NaN, as PyTorch's.
 *
 * @param q [… queries, length] @param k [… keys, length] @param v [… keys, values]
 * @returns [… queries, values]
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: AttentionOptions = {},
): Tensor {
  requireOptions("scaledDotProductAttention", options, ["mask", "isCausal", "scale"]);
  const length = q.shape[q.rank - 1];
  if (q.rank < 2 || k.rank < 2 || v.rank < 2 || k.shape[k.rank - 2] !== v.shape[v.rank - 2]) {
    throw new ShapeError(
      `scaledDotProductAttention: queries ${showShape(q.shape)}, keys ${showShape(k.shape)} and values ` +
        `${showShape(v.shape)}; they are [… n, length], [… m, length] and [… m, values]`,
    );
  }
  const { mask, isCausal = false, scale = 1 / Math.sqrt(length) } = options;
  let scores = mulScalar(matmul(q, k, { transposeB: true }), scale);
  if (mask) scores = where(mask, scores, Number.NEGATIVE_INFINITY);
  if (isCausal) {
    const [one] = numberOp([scores.detach()], { value: 1, dtype: "f32" });
    const seen = tril(broadcastTo(one, scores.shape.slice(-2)));
    scores = where(seen, scores, Number.NEGATIVE_INFINITY);
  }
  return matmul(softmax(scores), v);
}
