import { optim } from "@retinaface-webgpu/tensor";
import { type DetectorConfig, OptionError } from "retinaface-webgpu";
import { MATCH_PRESETS } from "../objective/match.js";
import { LOSS_PRESETS, type LossOptions } from "../objective/multibox.js";
import type { TrainerOptions } from "./trainer.js";

/** Everything that determines a run but the data; plain JSON, stored in checkpoints. */
export interface TrainSettings {
  /** Whose matching thresholds, mining ratio and loss weights are used. */
  readonly preset: PresetName;
  readonly classification: "hard-negatives" | "focal";
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
  readonly config: DetectorConfig;
}

interface Preset {
  readonly lr: number;
  readonly match: (typeof MATCH_PRESETS)[keyof typeof MATCH_PRESETS];
  readonly loss: LossOptions;
  /** Shares of the run after which the step schedule divides the learning rate by ten. */
  readonly milestones: readonly number[];
}

/**
 * `pytorch`: the published PyTorch training (250 epochs, steps at 190 and 220). `paper`: Deng et al.,
 * "RetinaFace", 2019, section 4 (80 epochs, steps at 55 and 68).
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
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof TRAIN_PRESETS;

/** The constants of Lin et al., "Focal Loss for Dense Object Detection", 2017. */
const FOCAL = { kind: "focal", alpha: 0.25, gamma: 2 } as const;

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

/** What a {@link Trainer} is told by the settings of a run of so many steps. */
export function trainerOptions(settings: TrainSettings, totalSteps: number): TrainerOptions {
  const { preset, config, lr, momentum, weightDecay, clip, ema } = settings;
  const { match, loss } = TRAIN_PRESETS[preset];
  const classification = settings.classification === "focal" ? FOCAL : loss.classification;
  return {
    config,
    frozen: settings.freeze,
    fixedNorm: settings.fixedNorm,
    match: { ...match, variances: config.variances },
    loss: { ...loss, classification },
    optimizer: (parameters) =>
      settings.optimizer === "adamw"
        ? new optim.AdamW(parameters, { lr, weightDecay })
        : new optim.SGD(parameters, { lr, momentum, weightDecay }),
    schedule: scheduleOf(settings, totalSteps),
    ...(clip > 0 ? { clip } : {}),
    ...(ema > 0 ? { ema } : {}),
  };
}
