import { optim } from "@retinaface-webgpu/tensor";
import { type DetectorConfig, meshHead, OptionError, RETINAFACE_HEADS } from "retinaface-webgpu";
import { checkRefineRate } from "../anchors/refine.js";
import { type AugmentOptions, plainAugment, trainingAugment } from "../augment/sample.js";
import { type Assigner, MATCH_PRESETS } from "../objective/assign.js";
import type { BOX_LOSSES } from "../objective/box-loss.js";
import { MESH_LOSSES } from "../objective/mesh.js";
import {
  type CLASSIFICATIONS,
  checkClassification,
  FOCAL,
  LOSS_PRESETS,
  type LossOptions,
  VARIFOCAL,
} from "../objective/multibox.js";
import { rateParameters } from "./lr-factors.js";
import type { Precision, TrainerOptions } from "./options.js";

/** Everything that determines a run but the data; plain JSON, stored in checkpoints. */
export interface TrainSettings {
  /** Whose matching thresholds, mining ratio and loss weights are used. */
  readonly preset: PresetName;
  readonly classification: (typeof CLASSIFICATIONS)[number];
  /** Of boxes, where it is not the preset's. */
  readonly boxLoss?: (typeof BOX_LOSSES)[number];
  /** Who says which anchors are a face's; absent: IoUs, those of the preset. */
  readonly assignment?: Assigner;
  readonly imageSize: number;
  readonly batchSize: number;
  /** Batches whose gradients make one step. */
  readonly accumulate: number;
  readonly epochs: number;
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: "step" | "cosine" | "constant";
  /** Steps over which the learning rate rises to its full value. */
  readonly warmup: number;
  /** Largest norm of the gradients; 0: no clipping. */
  readonly clip: number;
  /** Decay of the averaged weights; 0: no average. */
  readonly ema: number;
  readonly freeze: readonly string[];
  readonly fixedNorm: boolean;
  readonly seed: number;
  /** Random crops, mirroring and colours; else whole images. */
  readonly augment: boolean;
  /** What of the augmentation is other than the published training's. */
  readonly augmentation?: Augmentation;
  /** Weights of losses by name, where they are not the preset's. */
  readonly lossWeights?: Readonly<Record<string, number>>;
  /** Factors of the learning rate by part of the network and for `heads`; 1 for those that are not named. */
  readonly lrFactors?: Readonly<Record<string, number>>;
  /** Of every part of the network only the results are kept for the backward pass, which computes the rest anew. */
  readonly recompute?: boolean;
  /** In what activations and their gradients are stored; default `f32`. */
  readonly precision?: Precision;
  /** How far anchors follow the faces of each batch; absent: they stay. */
  readonly refineAnchors?: number;
  /** Made-up heads that are pasted into a sample, whose meshes a network with a branch for them learns; default 0. */
  readonly meshHeads?: number;
  readonly config: DetectorConfig;
}

/** Switches of the augmentation; what is absent is as in the published training. */
export interface Augmentation {
  /** Sides of random square crops as shares of the short side, from and to; null: whole images. */
  readonly crop?: readonly [number, number] | null;
  /** Probability of mirroring. */
  readonly mirror?: number;
  /** Whether brightness, contrast, saturation and hue change. */
  readonly distort?: boolean;
}

/** A pasted head is at least 40 pixels, and at most three quarters of the image. */
const LEAST_FOR_HEADS = 64;

interface Preset {
  readonly lr: number;
  readonly match: (typeof MATCH_PRESETS)[keyof typeof MATCH_PRESETS];
  readonly loss: LossOptions;
  /** Shares of the run after which the step schedule divides the learning rate by ten. */
  readonly milestones: readonly number[];
}

/**
 * `pytorch`: the published PyTorch training (250 epochs, steps at 190 and 220). `paper`: Deng et al.,
 * "RetinaFace", 2019, section 4 (80 epochs, steps at 55 and 68). `retinanet`: Lin et al. 2017, section 4.1 (90,000 steps of
 * 16 images, the rate divided at 60,000 and 80,000), matching and losses as torchvision has them; `retinanet-v2` with
 * the GIoU of its second version.
 */
export const TRAIN_PRESETS = {
  pytorch: {
    lr: 1e-3,
    match: MATCH_PRESETS.pytorch,
    loss: LOSS_PRESETS.pytorch,
    milestones: [190 / 250, 220 / 250],
  },
  paper: {
    lr: 1e-2,
    match: MATCH_PRESETS.paper,
    loss: LOSS_PRESETS.paper,
    milestones: [55 / 80, 68 / 80],
  },
  retinanet: {
    lr: 1e-2,
    match: MATCH_PRESETS.retinanet,
    loss: LOSS_PRESETS.retinanet,
    milestones: [60 / 90, 80 / 90],
  },
  "retinanet-v2": {
    lr: 1e-2,
    match: MATCH_PRESETS.retinanet,
    loss: LOSS_PRESETS["retinanet-v2"],
    milestones: [60 / 90, 80 / 90],
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof TRAIN_PRESETS;

/** @throws {OptionError} for a number out of range. */
export function checkSettings(settings: TrainSettings): void {
  const { imageSize, lr, clip, ema } = settings;
  const whole = { imageSize, batchSize: settings.batchSize, accumulate: settings.accumulate };
  for (const [name, value] of Object.entries({ ...whole, epochs: settings.epochs })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new OptionError(`${name} must be a whole number of at least 1, not ${value}`);
    }
  }
  const notNegative = { momentum: settings.momentum, weightDecay: settings.weightDecay, clip };
  for (const [name, value] of Object.entries({ ...notNegative, warmup: settings.warmup })) {
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new OptionError(`${name} must be 0 or more, not ${value}`);
    }
  }
  if (!(lr > 0 && Number.isFinite(lr))) throw new OptionError(`lr must be positive, not ${lr}`);
  if (!(ema >= 0 && ema < 1)) throw new OptionError(`ema must be in 0..1 and below 1, not ${ema}`);
  if (settings.refineAnchors !== undefined) checkRefineRate(settings.refineAnchors);
  checkMeshHeads(settings);
  checkClassification(settings.classification, settings.config.heads ?? RETINAFACE_HEADS);
  checkLossWeights(settings);
}

function checkMeshHeads({ meshHeads = 0, config, imageSize }: TrainSettings): void {
  if (!Number.isSafeInteger(meshHeads) || meshHeads < 0) {
    throw new OptionError(`meshHeads must be a whole number of at least 0, not ${meshHeads}`);
  }
  if (meshHeads === 0) return;
  if (!meshHead(config.heads ?? [])) {
    throw new OptionError(
      "made-up heads teach the branch for meshes, and the network has none: add it by --mesh, or leave --mesh-heads out",
    );
  }
  if (imageSize >= LEAST_FOR_HEADS) return;
  throw new OptionError(
    `made-up heads need images of at least ${LEAST_FOR_HEADS} pixels, not ${imageSize}: raise --image-size`,
  );
}

/** A weight of a loss that is not there would be lost without a word. */
function checkLossWeights({ lossWeights = {}, config }: TrainSettings): void {
  const names = (config.heads ?? RETINAFACE_HEADS).flatMap(({ loss, meaning }) =>
    meaning === "mesh" ? MESH_LOSSES : [loss],
  );
  const unknown = Object.keys(lossWeights).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new OptionError(`there is no loss "${unknown}": give weights to ${names.join(", ")}`);
}

/** What training images go through. */
export function augmentOf(settings: TrainSettings): AugmentOptions {
  const { imageSize, augmentation = {}, meshHeads = 0 } = settings;
  const { classes } = settings.config;
  const heads = meshHeads > 0 ? { heads: meshHeads } : {};
  if (!settings.augment) return { ...wholeImages(settings), ...heads };
  const published = trainingAugment(imageSize);
  const { crop, mirror = published.mirror, distort = published.distort } = augmentation;
  const range = crop && { minScale: crop[0], maxScale: crop[1], whole: 0 };
  const cropped = crop === undefined ? published.crop : range!;
  return { ...published, mirror, distort, crop: cropped, ...(classes && { classes }), ...heads };
}

/** What images go through that are looked at whole, such as those of a validation. */
export function wholeImages({ imageSize, config }: TrainSettings): AugmentOptions {
  return { ...plainAugment(imageSize), ...(config.classes && { classes: config.classes }) };
}

/** The schedule of a run of so many steps. */
export function scheduleOf(settings: TrainSettings, totalSteps: number): optim.Schedule {
  const { schedule, warmup, preset } = settings;
  const shapes = {
    constant: () => () => 1,
    cosine: () => optim.cosineLR(totalSteps, 0.01),
    step: () =>
      optim.multiStepLR(
        TRAIN_PRESETS[preset].milestones.map((share) => Math.round(share * totalSteps)),
      ),
  };
  return optim.linearWarmup(warmup, shapes[schedule](), 0.01);
}

/** The loss of boxes, with the variances that these boxes have. */
function boxesOf(settings: TrainSettings, { boxes }: LossOptions): LossOptions["boxes"] {
  const { variances } = settings.config;
  const kind = settings.boxLoss ?? boxes?.kind;
  if (kind === undefined) return undefined;
  return kind === "smooth-l1" || kind === "l1" ? { kind } : { kind, variances };
}

function classificationOf(settings: TrainSettings, { classification }: LossOptions) {
  const { variances } = settings.config;
  if (settings.classification === "varifocal") return { ...VARIFOCAL, variances };
  if (settings.classification === "objectness") return { kind: "objectness", variances } as const;
  return settings.classification === "focal" ? FOCAL : classification;
}

/** What a {@link Trainer} is told by the settings of a run of so many steps. */
export function trainerOptions(settings: TrainSettings, totalSteps: number): TrainerOptions {
  const { preset, config, lr, momentum, weightDecay, clip, ema, lrFactors = {} } = settings;
  const { match, loss } = TRAIN_PRESETS[preset];
  const weights = { ...loss.weights, ...settings.lossWeights };
  const [classification, boxes] = [classificationOf(settings, loss), boxesOf(settings, loss)];
  const { assignment } = settings;
  return {
    config,
    frozen: settings.freeze,
    fixedNorm: settings.fixedNorm,
    recompute: settings.recompute,
    precision: settings.precision,
    match: { ...match, variances: config.variances, ...(assignment && { assignment }) },
    refineAnchors: settings.refineAnchors,
    loss: { ...loss, classification, weights, boxes },
    optimizer: (_, network) => {
      const parameters = rateParameters(network, lr, lrFactors);
      return settings.optimizer === "adamw"
        ? new optim.AdamW(parameters, { lr, weightDecay })
        : new optim.SGD(parameters, { lr, momentum, weightDecay });
    },
    schedule: scheduleOf(settings, totalSteps),
    ...(clip > 0 ? { clip } : {}),
    ...(ema > 0 ? { ema } : {}),
  };
}
