import {
  abs,
  add,
  binaryCrossEntropyWithLogits,
  cast,
  div,
  full,
  greater,
  maximum,
  mul,
  narrow,
  noGrad,
  powScalar,
  sigmoid,
  smoothL1Loss,
  sub,
  sum,
  type Tensor,
} from "@retinaface-webgpu/tensor";
import { classOdds, type NetworkOutput } from "retinaface-webgpu";
import type { Assigner } from "../objective/assign.js";
import { type LossParts, type LossWeights, weighLosses } from "../objective/losses.js";
import { hintLoss } from "./hints.js";

/** How a student learns from a teacher's dense outputs. */
export interface DistillOptions {
  /**
   * Exponent of |p_t − p_s|: priors on which both agree count little (Li et al., "Generalized Focal Loss",
   * 2020, with the teacher's probability as the quality).
   */
  readonly focus: number;
  /** The teacher's boxes and landmarks are learnt at priors where its face probability is above this. */
  readonly confident: number;
  readonly weights: LossWeights;
  /**
   * Error of an encoded coordinate of a box or landmark up to which smooth L1 is a parabola; default 1. Below
   * it the gradient fades, so that a small one asks for precision.
   */
  readonly beta?: number | undefined;
  /** Which priors are a labelled face's: those from an IoU of 0.4 on (`iou`, the default), ATSS's or SimOTA's. */
  readonly assignment?: Assigner | undefined;
  /**
   * Parts of the network whose maps shall be the teacher's too ({@link hintLoss}), such as `stage1`, `fpn` or `ssh`, weighted by
   * `weights.hints`; default none.
   */
  readonly hints?: readonly string[] | undefined;
}

export const DISTILL_DEFAULTS: DistillOptions = {
  focus: 1,
  confident: 0.3,
  weights: { classes: 4, boxes: 1, landmarks: 0.5 },
};

/** What labels add to a teacher's outputs, all 0 where there is none. */
export interface LabelTensors {
  /** f32 `[B, N, 1]`: 1 where a prior is a labelled face. */
  readonly faces: Tensor;
  /** `[B, N, 4]`: encoded boxes of those. */
  readonly loc: Tensor;
  /** `[B, N, 10]`: encoded landmarks where they are labelled. */
  readonly landms: Tensor;
  /** `[B, N, 10]`: 1 for each labelled coordinate. */
  readonly landmMask: Tensor;
  /** `[B, N, 1]`: 0 where a prior takes no part, for it lies on a face that is ignored. */
  readonly counted: Tensor;
  /** `[B, N, 1]`: 1 where a prior is background whatever the teacher says. */
  readonly background: Tensor;
}

/** Where `mask` (0 or 1) is 1 the first, else the second. */
function choose(mask: Tensor, first: Tensor, second: Tensor): Tensor {
  return add(second, mul(mask, sub(first, second)));
}

function not(mask: Tensor): Tensor {
  return sub(full(mask.device, [1, 1, 1], 1), mask);
}

/** Targets made of a teacher's outputs and of labels. */
function targetsOf(teacher: NetworkOutput, labels: LabelTensors | undefined, confident: number) {
  const taught = sigmoid(classOdds(teacher.conf));
  const threshold = full(taught.device, [1, 1, 1], confident);
  const sure = cast(greater(taught, threshold), "f32");
  const taughtWeight = mul(taught, sure);
  if (!labels) {
    return {
      face: taught,
      loc: teacher.loc,
      landms: teacher.landms,
      boxWeight: taughtWeight,
      landmWeight: taughtWeight,
      counted: full(taught.device, [1, 1, 1], 1),
    };
  }
  const { faces, counted, background, landmMask } = labels;
  const believed = mul(counted, not(background));
  const weight = mul(taughtWeight, believed);
  // Landmarks of a face that the teacher misses are learnt where all are labelled; the first tells.
  const marked = mul(faces, narrow(landmMask, 2, 0, 1));
  return {
    face: maximum(mul(taught, not(background)), faces),
    loc: choose(faces, labels.loc, teacher.loc),
    landms: choose(landmMask, labels.landms, teacher.landms),
    boxWeight: maximum(weight, faces),
    landmWeight: maximum(weight, marked),
    counted: maximum(counted, faces),
  };
}

/** Weighted mean over priors of the smooth-L1 losses, summed over a prior's coordinates. */
function weightedSmoothL1(
  prediction: Tensor,
  target: Tensor,
  weight: Tensor,
  beta: number | undefined,
): Tensor {
  const losses = smoothL1Loss(prediction, target, { beta, reduction: "none" });
  return div(sum(mul(losses, weight)), maximum(sum(weight), 1));
}

/**
 * The loss of a student against a teacher's dense outputs on the same images (Hinton et al., "Distilling the
 * Knowledge in a Neural Network", 2015): binary cross-entropy of the face probabilities of all priors,
 * weighted by |p_t − p_s|^focus and divided by Σ p_t, and smooth-L1 of the encoded boxes and landmarks,
 * weighted by p_t where the teacher is confident.
 *
 * Labels raise the target to 1 and give box and landmarks instead of the teacher, the latter coordinate by
 * coordinate; where they say that there is no face the target is 0, and priors on ignored faces do not count.
 */
export function distillLoss(
  student: NetworkOutput,
  teacher: NetworkOutput,
  labels?: LabelTensors,
  options: DistillOptions = DISTILL_DEFAULTS,
): LossParts {
  const { focus, confident, weights, beta } = options;
  const targets = noGrad(() => targetsOf(teacher, labels, confident));
  const odds = classOdds(student.conf);
  const attention = noGrad(() => powScalar(abs(sub(targets.face, sigmoid(odds))), focus));
  const losses = binaryCrossEntropyWithLogits(odds, targets.face, { reduction: "none" });
  const weight = noGrad(() => mul(attention, targets.counted));
  const faces = noGrad(() => maximum(sum(mul(targets.face, targets.counted)), 1));
  const classes = div(sum(mul(losses, weight)), faces);
  const boxes = weightedSmoothL1(student.loc, targets.loc, targets.boxWeight, beta);
  const { landms, landmWeight } = targets;
  const landmarks = weightedSmoothL1(student.landms, landms, landmWeight, beta);
  const parts = { classes, boxes, landmarks };
  if (!options.hints?.length) return weighLosses(parts, weights);
  return weighLosses({ ...parts, hints: hintLoss(student, teacher) }, weights);
}
