import {
  add,
  addScalar,
  cast,
  clamp,
  crossEntropy,
  type Device,
  mul,
  mulScalar,
  narrow,
  reshape,
  sigmoidFocalLoss,
  smoothL1Loss,
  sub,
  sum,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import type { NetworkOutput } from "retinaface-webgpu";
import type { Targets } from "./match.js";
import { selectHardNegatives } from "./mining.js";

/** How background takes part in the classification loss, where it outnumbers faces by thousands. */
export type Classification =
  /** Softmax cross-entropy of faces and of the `ratio` times as many hardest background priors. */
  | { readonly kind: "hard-negatives"; readonly ratio: number }
  /** Focal loss of all priors (Lin et al. 2017): −α_t (1 − p_t)^γ ln p_t. */
  | { readonly kind: "focal"; readonly alpha: number; readonly gamma: number };

/** The multi-task loss. */
export interface LossOptions {
  readonly classification: Classification;
  /** Factors of the classification, box and landmark losses. */
  readonly weights: {
    readonly classes: number;
    readonly boxes: number;
    readonly landmarks: number;
  };
}

/** `pytorch`: the published PyTorch training. `paper`: Deng et al., "RetinaFace", 2019, section 3 and 4. */
export const LOSS_PRESETS = {
  pytorch: {
    classification: { kind: "hard-negatives", ratio: 7 },
    weights: { classes: 1, boxes: 2, landmarks: 1 },
  },
  paper: {
    classification: { kind: "hard-negatives", ratio: 3 },
    weights: { classes: 1, boxes: 0.25, landmarks: 0.1 },
  },
} as const satisfies Record<string, LossOptions>;

/** {@link Targets} on the GPU. */
export interface TargetTensors {
  /** i32 `[B, N]`: 1 face, 0 background, −1 ignored. */
  readonly labels: Tensor;
  /** `[B, N, 4]` */
  readonly loc: Tensor;
  /** `[B, N, 10]` */
  readonly landms: Tensor;
  /** `[B, N, 1]`: 1 / (number of faces' priors) where a prior is a face's, else 0. */
  readonly boxWeights: Tensor;
  /** `[B, N, 1]`: 1 / (number of priors with landmarks) where a prior has some, else 0. */
  readonly landmarkWeights: Tensor;
  /** Priors that are faces', at least 1: what the classification loss is divided by. */
  readonly positives: number;
}

/** The loss and its parts, one element each; the parts are not yet multiplied by their weights. */
export interface LossParts {
  readonly total: Tensor;
  readonly classes: Tensor;
  readonly boxes: Tensor;
  readonly landmarks: Tensor;
}

/** Uploads the targets of a batch of `batch` images. The caller disposes of the tensors. */
export function uploadTargets(device: Device, targets: Targets, batch: number): TargetTensors {
  const { labels, landmMask } = targets;
  const priors = labels.length / batch;
  const positives = Math.max(1, targets.positives);
  const marked = Math.max(
    1,
    landmMask.reduce((a, b) => a + b, 0),
  );
  const boxWeights = Float32Array.from(labels, (label) => (label === 1 ? 1 / positives : 0));
  const landmarkWeights = Float32Array.from(landmMask, (mask) => mask / marked);
  return {
    labels: tensor(device, labels, [batch, priors], { dtype: "i32" }),
    loc: tensor(device, targets.locTargets, [batch, priors, 4]),
    landms: tensor(device, targets.landmTargets, [batch, priors, 10]),
    boxWeights: tensor(device, boxWeights, [batch, priors, 1]),
    landmarkWeights: tensor(device, landmarkWeights, [batch, priors, 1]),
    positives,
  };
}

/**
 * RetinaFace's multi-task loss: classification, smooth-L1 of the encoded boxes of faces and of the encoded
 * landmarks of faces that have some. Each part is the sum over the batch divided by the number of priors
 * that it trains as faces (at least 1). Priors labelled −1 take no part.
 */
export function multiBoxLoss(
  output: NetworkOutput,
  targets: TargetTensors,
  options: LossOptions = LOSS_PRESETS.pytorch,
): LossParts {
  const { weights } = options;
  const classes = classificationLoss(output.conf, targets, options.classification);
  const boxes = weightedSmoothL1(output.loc, targets.loc, targets.boxWeights);
  const landmarks = weightedSmoothL1(output.landms, targets.landms, targets.landmarkWeights);
  const total = add(
    mulScalar(classes, weights.classes),
    add(mulScalar(boxes, weights.boxes), mulScalar(landmarks, weights.landmarks)),
  );
  return { total, classes, boxes, landmarks };
}

function weightedSmoothL1(prediction: Tensor, target: Tensor, weights: Tensor): Tensor {
  return sum(mul(smoothL1Loss(prediction, target, { reduction: "none" }), weights));
}

function classificationLoss(
  logits: Tensor,
  { labels, positives }: TargetTensors,
  classification: Classification,
): Tensor {
  if (classification.kind === "focal") return focal(logits, labels, positives, classification);
  const losses = crossEntropy(logits, labels, { reduction: "none", ignoreIndex: -1 });
  const chosen = selectHardNegatives(losses, labels, classification.ratio);
  return mulScalar(sum(mul(losses, chosen)), 1 / positives);
}

function focal(
  logits: Tensor,
  labels: Tensor,
  positives: number,
  { alpha, gamma }: { readonly alpha: number; readonly gamma: number },
): Tensor {
  const difference = sub(narrow(logits, 2, 1, 1), narrow(logits, 2, 0, 1));
  const label = cast(labels, "f32");
  const losses = sigmoidFocalLoss(reshape(difference, labels.shape), clamp(label, 0, 1), {
    alpha,
    gamma,
  });
  const counted = clamp(addScalar(label, 1), 0, 1);
  return mulScalar(sum(mul(losses, counted)), 1 / positives);
}
