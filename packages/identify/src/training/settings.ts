import { optim } from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";
import type { FaceAugmentOptions } from "../data/augment.js";
import { MARGIN_LOSSES, marginOptions } from "../losses/margin.js";
import type { EmbedderConfig } from "../networks/config.js";

export const LOSS_NAMES = [...MARGIN_LOSSES, "triplet"] as const;

export type LossName = (typeof LOSS_NAMES)[number];

/** Everything that decides how an embedding network is trained. */
export interface EmbedderSettings {
  readonly network: EmbedderConfig;
  /** Of a ResNet's head. */
  readonly dropout: number;
  readonly loss: LossName;
  /** Of the loss, where not as published. */
  readonly scale?: number | undefined;
  readonly margin?: number | undefined;
  /** Share of the classes that take part in a step: below 1 where they are very many. */
  readonly classRate: number;
  /** Of a batch, and images of each. */
  readonly identities: number;
  readonly images: number;
  readonly steps: number;
  readonly optimizer: "sgd" | "adamw";
  readonly lr: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: "cosine" | "constant";
  /** Steps over which the learning rate rises. */
  readonly warmup: number;
  /** Largest norm of the gradients; 0: any. */
  readonly clip: number;
  /** Decay of averaged weights, which are then what is kept; 0: none. */
  readonly ema: number;
  readonly augment: FaceAugmentOptions;
  /** Mirrored pictures are pictures of identities of their own, of which there are then twice as many. */
  readonly mirroredIdentities?: boolean | undefined;
  readonly seed: number;
}

/** @throws {OptionError} for a number out of range */
export function checkEmbedderSettings(settings: EmbedderSettings): void {
  const { identities, images, steps, lr, ema, classRate, loss, dropout } = settings;
  for (const [name, value, least] of [
    ["identities a batch", identities, 2],
    ["images an identity", images, loss === "triplet" ? 2 : 1],
    ["steps", steps, 1],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new OptionError(`${name} must be a whole number of at least ${least}, not ${value}`);
  }
  const { momentum, weightDecay, warmup, clip } = settings;
  for (const [name, value] of Object.entries({ momentum, weightDecay, warmup, clip })) {
    if (!(value >= 0 && Number.isFinite(value))) {
      throw new OptionError(`${name} must be 0 or more, not ${value}`);
    }
  }
  if (!(lr > 0 && Number.isFinite(lr))) throw new OptionError(`lr must be positive, not ${lr}`);
  if (!(ema >= 0 && ema < 1)) throw new OptionError(`ema must be from 0 and below 1, not ${ema}`);
  if (!(dropout >= 0 && dropout < 1)) {
    throw new OptionError(`dropout must be from 0 and below 1, not ${dropout}`);
  }
  if (dropout > 0 && settings.network.architecture === "mobilefacenet") {
    throw new OptionError("MobileFaceNet's head has no dropout: leave it out, or take a ResNet");
  }
  if (!(classRate > 0 && classRate <= 1)) {
    throw new OptionError(`the share of classes must be above 0 and at most 1, not ${classRate}`);
  }
  if (settings.mirroredIdentities && settings.augment.mirror > 0) {
    throw new OptionError(
      "a mirrored picture is another identity's or the same one's: give mirror 0, or leave mirrored identities out",
    );
  }
  checkLoss(settings);
}

function checkLoss({ loss, scale, margin, classRate }: EmbedderSettings): void {
  if (loss !== "triplet") {
    marginOptions({ loss, scale, margin });
    return;
  }
  if (scale !== undefined) {
    throw new OptionError("the triplet loss has no scale: leave it out");
  }
  if (classRate < 1) {
    throw new OptionError("the triplet loss has no classes to choose from: leave their share out");
  }
  if (margin !== undefined && !(margin > 0 && margin < 4)) {
    throw new OptionError(`the margin of triplets must be between 0 and 4, not ${margin}`);
  }
}

/** The factor of the learning rate at each step. */
export function scheduleOfSteps({ schedule, warmup, steps }: EmbedderSettings): optim.Schedule {
  const shape = schedule === "cosine" ? optim.cosineLR(steps, 0.01) : () => 1;
  return optim.linearWarmup(warmup, shape, 0.01);
}
