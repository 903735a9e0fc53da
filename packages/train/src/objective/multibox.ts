import {
  add,
  addScalar,
  binaryCrossEntropyWithLogits,
  cast,
  clamp,
  crossEntropy,
  type Device,
  div,
  equal,
  mul,
  mulScalar,
  noGrad,
  powScalar,
  reshape,
  sigmoid,
  sigmoidFocalLoss,
  sub,
  sum,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import {
  boxHead,
  classOdds,
  type HeadSpec,
  type NetworkOutput,
  OptionError,
  objectnessHead,
  RETINAFACE_HEADS,
} from "retinaface-webgpu";
import { type BoxLoss, boxLoss, iouOfEncoded, type Variances } from "./box-loss.js";
import { type LossParts, type LossWeights, weighLosses } from "./losses.js";
import type { Targets } from "./match.js";
import type { MeshTargetSize } from "./mesh-targets.js";
import { selectHardNegatives } from "./mining.js";

/** How background takes part in the classification loss, where it outnumbers faces by thousands. */
export type Classification =
  /** Softmax cross-entropy of faces and of the `ratio` times as many hardest background priors. */
  | { readonly kind: "hard-negatives"; readonly ratio: number }
  /** Focal loss of all priors (Lin et al. 2017): −α_t (1 − p_t)^γ ln p_t. */
  | { readonly kind: "focal"; readonly alpha: number; readonly gamma: number }
  /**
   * Varifocal loss (Zhang et al., "VarifocalNet", 2021): a prior of a face shall have as its score q, the IoU of the box
   * that it says with the face's; q · BCE(p, q), of background α p^γ · BCE(p, 0).
   */
  | {
      readonly kind: "varifocal";
      readonly alpha: number;
      readonly gamma: number;
      readonly variances: Variances;
    }
  /**
   * Of networks with an objectness head, and theirs alone (YOLOX, Ge et al. 2021; YuNet, Wu et al. 2023): the head learns by
   * binary cross-entropy of all priors whether each is a face's, classes at faces' priors alone, where what is wanted of a
   * face's class is the IoU of the box that is said with the face's.
   */
  | { readonly kind: "objectness"; readonly variances: Variances };

/** Names of {@link Classification}. */
export const CLASSIFICATIONS = ["hard-negatives", "focal", "varifocal", "objectness"] as const;

/**
 * An objectness head learns background, other classifications by themselves.
 * @throws OptionError where a table of heads has both or neither
 */
export function checkClassification(
  kind: Classification["kind"],
  heads: readonly HeadSpec[],
): void {
  const has = objectnessHead(heads) !== undefined;
  if (has === (kind === "objectness")) return;
  throw new OptionError(
    has
      ? `the network's objectness head tells faces from background, and ${kind} would have its classes do so too: take the ` +
          "classification objectness (leave --loss out), or a network without such a head"
      : "the classification objectness is that of networks with an objectness head: add OBJECTNESS_HEAD to the heads " +
          "(--network pytorch,objectness), or take hard-negatives, focal or varifocal (--loss)",
  );
}

/** The multi-task loss. */
export interface LossOptions {
  readonly classification: Classification;
  readonly weights: LossWeights;
  /** Of boxes; default smooth-L1. */
  readonly boxes?: BoxLoss | undefined;
  /** Of heads other than those of class and objectness, by their losses' names, instead of smooth-L1. */
  readonly functions?: Readonly<Record<string, HeadLoss>> | undefined;
  /** How much of a batch trains a branch for meshes; default 8 faces, drawn at 64 pixels. */
  readonly mesh?: MeshTargetSize | undefined;
}

/**
 * One number that says how far a head's `[B, N, width]` is from its targets. Multiplied by the targets' weights and
 * summed, a loss of each prior becomes the mean over those that have the label.
 */
export type HeadLoss = (prediction: Tensor, targets: HeadTensors) => Tensor;

/** The constants of Lin et al., "Focal Loss for Dense Object Detection", 2017. */
export const FOCAL = { kind: "focal", alpha: 0.25, gamma: 2 } as const satisfies Classification;

/** The constants of Zhang et al., "VarifocalNet: An IoU-aware Dense Object Detector", 2021. */
export const VARIFOCAL = { kind: "varifocal", alpha: 0.75, gamma: 2 } as const;

/**
 * `pytorch`: the published PyTorch training. `paper`: Deng et al., "RetinaFace", 2019, section 3 and 4. `retinanet`:
 * torchvision's, whose L1 is the paper's smooth-L1 but for the smallest errors; `retinanet-v2` its second.
 */
export const LOSS_PRESETS = {
  pytorch: {
    classification: { kind: "hard-negatives", ratio: 7 },
    weights: { classes: 1, objectness: 1, boxes: 2, landmarks: 1 },
  },
  paper: {
    classification: { kind: "hard-negatives", ratio: 3 },
    weights: { classes: 1, objectness: 1, boxes: 0.25, landmarks: 0.1 },
  },
  retinanet: {
    classification: FOCAL,
    weights: { classes: 1, objectness: 1, boxes: 1, landmarks: 1 },
    boxes: { kind: "l1" },
  },
  "retinanet-v2": {
    classification: FOCAL,
    weights: { classes: 1, objectness: 1, boxes: 1, landmarks: 1 },
    boxes: { kind: "giou", variances: [1, 1] },
  },
} as const satisfies Record<string, LossOptions>;

/** {@link Targets} on the GPU. */
export interface TargetTensors {
  /** i32 `[B, N]`: class of a prior's face, 0 background, −1 ignored. */
  readonly labels: Tensor;
  /** By the heads' names. */
  readonly heads: Readonly<Record<string, HeadTensors>>;
  /** Priors that are faces', at least 1: what the classification loss is divided by. A tensor `[]` for a compiled step. */
  readonly positives: number | Tensor;
}

/** {@link HeadTargets} on the GPU. */
export interface HeadTensors {
  /** `[B, N, width]` */
  readonly values: Tensor;
  /** `[B, N, 1]`: 1 / (number of priors that have this label) where a prior has it, else 0. */
  readonly weights: Tensor;
}

/** Uploads the targets of a batch of `batch` images. The caller disposes of the tensors. */
export function uploadTargets(device: Device, targets: Targets, batch: number): TargetTensors {
  const { labels } = targets;
  const priors = labels.length / batch;
  const heads = Object.entries(targets.heads).map(
    ([name, { values, mask }]): [string, HeadTensors] => {
      const marked = Math.max(
        1,
        mask.reduce((a, b) => a + b, 0),
      );
      const weights = Float32Array.from(mask, (marks) => marks / marked);
      return [
        name,
        {
          values: tensor(device, values, [batch, priors, values.length / labels.length]),
          weights: tensor(device, weights, [batch, priors, 1]),
        },
      ];
    },
  );
  return {
    labels: tensor(device, labels, [batch, priors], { dtype: "i32" }),
    heads: Object.fromEntries(heads),
    positives: Math.max(1, targets.positives),
  };
}

/** Targets as the inputs of a compiled step: tensors by names of one level. */
export function flattenTargets(device: Device, targets: TargetTensors): Record<string, Tensor> {
  const { labels, positives, heads } = targets;
  const count = typeof positives === "number" ? tensor(device, [positives], []) : positives;
  const flat: Record<string, Tensor> = { labels, positives: count };
  for (const [name, { values, weights }] of Object.entries(heads)) {
    flat[`${name}.values`] = values;
    flat[`${name}.weights`] = weights;
  }
  return flat;
}

/** What `flattenTargets` flattened. */
export function unflattenTargets(flat: Readonly<Record<string, Tensor>>): TargetTensors {
  const names = Object.keys(flat).filter((name) => name.endsWith(".values"));
  const heads = names.map((key): [string, HeadTensors] => {
    const name = key.slice(0, -".values".length);
    return [name, { values: flat[key], weights: flat[`${name}.weights`] }];
  });
  return { labels: flat.labels, positives: flat.positives, heads: Object.fromEntries(heads) };
}

/**
 * RetinaFace's multi-task loss, a named one for each head: classification, objectness where there is a head for it, and
 * smooth-L1 of what the others encode for the faces that have it labelled. Each is the sum over the batch divided by the
 * number of priors that it trains as faces (at least 1). Priors labelled −1 take no part.
 *
 * @throws {OptionError} for a loss without a weight, and for a classification of other heads
 */
export function multiBoxLoss(
  output: NetworkOutput,
  targets: TargetTensors,
  options: LossOptions = LOSS_PRESETS.pytorch,
  heads: readonly HeadSpec[] = RETINAFACE_HEADS,
): LossParts {
  checkClassification(options.classification.kind, heads);
  const losses = heads.map(({ name, meaning, loss }): [string, Tensor] => {
    if (meaning === "class") {
      return [loss, classificationLoss(output, name, targets, options.classification, heads)];
    }
    if (meaning === "objectness") return [loss, objectnessLoss(output[name], targets)];
    const own = options.functions?.[loss];
    if (own) return [loss, own(output[name], targets.heads[name])];
    const kind = (meaning === "box" && options.boxes) || SMOOTH_L1;
    return [loss, boxLoss(kind, output[name], targets.heads[name])];
  });
  return weighLosses(Object.fromEntries(losses), options.weights);
}

const SMOOTH_L1: BoxLoss = { kind: "smooth-l1" };

function classificationLoss(
  output: NetworkOutput,
  name: string,
  targets: TargetTensors,
  classification: Classification,
  heads: readonly HeadSpec[],
): Tensor {
  const { labels, positives } = targets;
  const logits = output[name];
  if (classification.kind === "focal") return focal(logits, targets, classification);
  if (classification.kind === "varifocal" || classification.kind === "objectness") {
    const box = boxHead(heads).name;
    const { variances } = classification;
    const quality = noGrad(() => iouOfEncoded(output[box], targets.heads[box].values, variances));
    return classification.kind === "varifocal"
      ? varifocal(logits, targets, quality, classification)
      : classesOfFaces(logits, targets, quality);
  }
  const losses = crossEntropy(logits, labels, { reduction: "none", ignoreIndex: -1 });
  const chosen = selectHardNegatives(losses, labels, classification.ratio);
  return div(sum(mul(losses, chosen)), positives);
}

/** Labels of priors as f32 `[B, N, 1]`. */
const columnOf = (labels: Tensor) => reshape(cast(labels, "f32"), [...labels.shape, 1]);
/** Of such a column, 1 where a prior is a face. */
const facesIn = (column: Tensor) => clamp(column, 0, 1);
/** Of such a column, 1 where a prior is a face or background. */
const countedIn = (column: Tensor) => clamp(addScalar(column, 1), 0, 1);

/** f32 `[B, N, 1]`: 1 where a prior is a face. */
export function isFaceOf({ labels }: Pick<TargetTensors, "labels">): Tensor {
  return facesIn(columnOf(labels));
}

/** Log odds of each class against the background, `[B, N, classes]`, and whether it is the prior's (0 or 1). */
function againstBackground(logits: Tensor, column: Tensor) {
  const odds = classOdds(logits);
  const classes = odds.shape[2];
  const numbers = Float32Array.from({ length: classes }, (_, c) => c + 1);
  const all = tensor(logits.device, numbers, [1, 1, classes]);
  return { odds, isClass: cast(equal(column, all), "f32") };
}

interface Focus {
  readonly alpha: number;
  readonly gamma: number;
}

function focal(logits: Tensor, targets: TargetTensors, { alpha, gamma }: Focus): Tensor {
  const column = columnOf(targets.labels);
  const { odds, isClass } = againstBackground(logits, column);
  const losses = sigmoidFocalLoss(odds, isClass, { alpha, gamma });
  return div(sum(mul(losses, countedIn(column))), targets.positives);
}

/** `quality`, `[B, N, 1]`: IoU of what a prior says with its face. */
function varifocal(
  logits: Tensor,
  targets: TargetTensors,
  quality: Tensor,
  { alpha, gamma }: Focus,
): Tensor {
  const column = columnOf(targets.labels);
  const { odds, isClass } = againstBackground(logits, column);
  const wanted = mul(isClass, quality);
  const losses = binaryCrossEntropyWithLogits(odds, wanted, { reduction: "none" });
  const background = mulScalar(powScalar(sigmoid(odds), gamma), alpha);
  const weight = add(wanted, sub(background, mul(background, isClass)));
  return div(sum(mul(mul(losses, weight), countedIn(column))), targets.positives);
}

/** Of classes beside objectness. `quality`, `[B, N, 1]`: IoU of what a prior says with its face. */
function classesOfFaces(logits: Tensor, targets: TargetTensors, quality: Tensor): Tensor {
  const column = columnOf(targets.labels);
  const { odds, isClass } = againstBackground(logits, column);
  const wanted = mul(isClass, quality);
  const losses = binaryCrossEntropyWithLogits(odds, wanted, { reduction: "none" });
  return div(sum(mul(losses, facesIn(column))), targets.positives);
}

/** Of all priors that count, whether they are faces'. @param logits `[B, N, 1]` */
function objectnessLoss(logits: Tensor, targets: TargetTensors): Tensor {
  const column = columnOf(targets.labels);
  const losses = binaryCrossEntropyWithLogits(logits, facesIn(column), { reduction: "none" });
  return div(sum(mul(losses, countedIn(column))), targets.positives);
}
