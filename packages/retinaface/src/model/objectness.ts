import {
  add,
  concat,
  mulScalar,
  narrow,
  reshape,
  softplus,
  sub,
  type Tensor,
} from "@retinaface-webgpu/tensor/inference";

/*
 * Objectness (YuNet, Wu et al. 2023, as in YOLOX, Ge et al. 2021): the probability of class k at a prior is σ(c)·σ(o), where
 * c are the log odds of the class against the background and o those of whether there is anything. Its log odds are
 *
 *     m = c + o − ln(1 + eᶜ + eᵒ)
 *
 * and they stand in the class's logits, the background's being 0. So decoding knows nothing of objectness.
 */

/** Log odds of each class against the background, `[…, classes]`. @param logits `[…, 1 + classes]`, the background's first */
export function classOdds(logits: Tensor): Tensor {
  const classes = logits.shape[logits.shape.length - 1] - 1;
  return sub(narrow(logits, -1, 1, classes), narrow(logits, -1, 0, 1));
}

/**
 * Log odds of what is as probable as two things together, given those of each; shapes broadcast. What is not finite in
 * either is not finite in the result.
 */
export function oddsOfBoth(a: Tensor, b: Tensor): Tensor {
  // ln(1 + eᵃ + eᵇ) = s + ln(1 + eᵃ⁻ˢ) with s = ln(1 + eᵇ): no exponential of a large number.
  const beyond = sub(a, softplus(b));
  return add(sub(beyond, softplus(beyond)), b);
}

/**
 * Logits of background and classes, objectness among them.
 *
 * @param logits `[…, anchors · width]`, as a class head says them @param objectness `[…, anchors]`
 */
export function withObjectness(logits: Tensor, objectness: Tensor, width: number): Tensor {
  const rows = reshape(logits, [-1, width]);
  const anything = reshape(objectness, [-1, 1]);
  const background = mulScalar(anything, 0);
  return reshape(concat([background, oddsOfBoth(classOdds(rows), anything)], 1), logits.shape);
}
