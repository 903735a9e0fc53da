/**
 * Losses of classification whose logits are cosines between embeddings and class centres, all of length 1:
 *
 *     softmax  s · cos θ                            NormFace (Wang et al. 2017)
 *     cosface  s · (cos θ − m)     on the target    CosFace (Wang et al. 2018)
 *     arcface  s · cos(θ + m)      on the target    ArcFace (Deng et al. 2019)
 *
 * Beyond θ = π − m, where cos(θ + m) would grow again, ArcFace's target goes on as cos θ − m · sin m, which falls.
 */
import {
  add,
  addScalar,
  argmax,
  cast,
  crossEntropy,
  equal,
  gather,
  gatherElements,
  greater,
  matmul,
  maximum,
  mean,
  mul,
  mulScalar,
  normalize,
  oneHot,
  reshape,
  sqrt,
  square,
  sub,
  type Tensor,
  where,
} from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";

export const MARGIN_LOSSES = ["arcface", "cosface", "softmax"] as const;

export type MarginLossName = (typeof MARGIN_LOSSES)[number];

/** How cosines become logits. */
export interface MarginOptions {
  readonly loss: MarginLossName;
  /** s, what cosines are multiplied by. 64 by default. */
  readonly scale?: number | undefined;
  /** m: radians for ArcFace (0.5 by default), a difference of cosines for CosFace (0.35); softmax has none. */
  readonly margin?: number | undefined;
}

/** Scales and margins that are not given, as published. */
const SCALE = 64;
const MARGINS: Readonly<Record<MarginLossName, number>> = {
  arcface: 0.5,
  cosface: 0.35,
  softmax: 0,
};

/** Below this 1 − cos² has no more digits than rounding leaves, and its root too steep a slope. */
const LEAST_SQUARE = 1e-6;

/** @throws {OptionError} for a scale or margin out of range */
export function marginOptions({ loss, scale = SCALE, margin = MARGINS[loss] }: MarginOptions) {
  if (!MARGIN_LOSSES.includes(loss)) {
    throw new OptionError(`the loss must be ${MARGIN_LOSSES.join(", ")}, not ${loss}`);
  }
  if (!(scale > 0 && Number.isFinite(scale))) {
    throw new OptionError(`the scale must be a positive number, not ${scale}`);
  }
  const most = loss === "arcface" ? Math.PI / 2 : loss === "cosface" ? 1 : 0;
  if (!(margin >= 0 && margin <= most)) {
    throw new OptionError(
      `the margin of ${loss} must be from 0 to ${most.toFixed(2)}, not ${margin}`,
    );
  }
  return { loss, scale, margin };
}

/**
 * Cosines between embeddings and class centres; neither needs length 1.
 *
 * @param embeddings `[n, dimension]` @param centres `[classes, dimension]` @returns `[n, classes]`
 */
export function cosines(embeddings: Tensor, centres: Tensor): Tensor {
  return matmul(normalize(embeddings), normalize(centres), { transposeB: true });
}

/** ArcFace's target: cos(θ + m), and beyond π − m its continuation. @param cosine cos θ, any shape */
function arcTarget(cosine: Tensor, margin: number): Tensor {
  const sine = sqrt(maximum(addScalar(mulScalar(square(cosine), -1), 1), LEAST_SQUARE));
  const turned = sub(mulScalar(cosine, Math.cos(margin)), mulScalar(sine, Math.sin(margin)));
  const beyond = addScalar(cosine, -margin * Math.sin(margin));
  return where(greater(cosine.detach(), -Math.cos(margin)), turned, beyond);
}

/**
 * Logits of a margin loss.
 *
 * @param cosine `[n, classes]` @param labels `[n]` i32: the column that is each row's target
 * @returns `[n, classes]`: all columns times s, the target's after its margin
 */
export function marginLogits(cosine: Tensor, labels: Tensor, options: MarginOptions): Tensor {
  const { loss, scale, margin } = marginOptions(options);
  if (loss === "softmax" || margin === 0) return mulScalar(cosine, scale);
  const [rows, classes] = cosine.shape;
  const target = gatherElements(cosine, reshape(labels, [rows, 1]), 1);
  const changed = loss === "arcface" ? arcTarget(target, margin) : addScalar(target, -margin);
  const difference = mul(oneHot(labels, classes), sub(changed, target));
  return mulScalar(add(cosine, difference), scale);
}

/** Figures of a margin loss, one element each. */
export interface MarginLoss {
  readonly total: Tensor;
  /** Share of rows whose nearest centre is their own; without a gradient. */
  readonly accuracy: Tensor;
}

/**
 * Cross-entropy of a margin loss's logits, the mean over the rows, in nats.
 *
 * @param embeddings `[n, dimension]`, of any length @param centres `[classes, dimension]`
 * @param labels `[n]` i32: classes, or with `sampled` their places in that
 * @param sampled `[k]` i32: the classes that take part (An et al., "Partial FC", 2021); all by default
 */
export function marginLoss(
  embeddings: Tensor,
  centres: Tensor,
  labels: Tensor,
  options: MarginOptions,
  sampled?: Tensor,
): MarginLoss {
  const cosine = cosines(embeddings, sampled ? gather(centres, sampled) : centres);
  const total = crossEntropy(marginLogits(cosine, labels, options), labels);
  const nearest = argmax(cosine.detach(), 1);
  return { total, accuracy: mean(cast(equal(nearest, labels), "f32")) };
}
