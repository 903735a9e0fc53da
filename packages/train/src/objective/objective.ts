import type { Device } from "@retinaface-webgpu/tensor";
import { type HeadSpec, type NetworkOutput, RETINAFACE_HEADS } from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import type { BatchImages } from "../trainer/images.js";
import type { LossParts } from "./losses.js";
import { type MatchOptions, matchPriors } from "./match.js";
import { type LossOptions, multiBoxLoss, uploadTargets } from "./multibox.js";

/** A batch, its images uploaded, and the priors of their size. */
export interface ObjectiveInput {
  readonly samples: readonly Sample[];
  readonly images: BatchImages;
  readonly priors: Float32Array;
}

/** What a network is trained for: named losses of its outputs for a batch. */
export interface Objective {
  /** Whatever takes time before a first batch of a shape `[n, h, w, 3]`. */
  prepare?(shape: readonly number[]): Promise<void>;
  /** Records the losses, by whatever names; called within `tidy`. */
  loss(output: NetworkOutput, input: ObjectiveInput): LossParts;
}

/** Labelled faces: {@link matchPriors} and {@link multiBoxLoss}. */
export class MultiBoxObjective implements Objective {
  /** Faces left out so far because their boxes have no area or are not finite. */
  dropped = 0;

  constructor(
    readonly device: Device,
    readonly match: MatchOptions,
    readonly options: LossOptions,
    readonly heads: readonly HeadSpec[] = RETINAFACE_HEADS,
  ) {}

  loss(output: NetworkOutput, { samples, priors }: ObjectiveInput): LossParts {
    const { device, match, options, heads } = this;
    const targets = matchPriors(samples, priors, match, heads);
    this.dropped += targets.dropped;
    const uploaded = uploadTargets(device, targets, samples.length);
    return multiBoxLoss(output, uploaded, options, heads);
  }
}
