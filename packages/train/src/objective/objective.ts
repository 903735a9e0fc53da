import type { Device, Tensor } from "@retinaface-webgpu/tensor";
import { type HeadSpec, type NetworkOutput, RETINAFACE_HEADS } from "retinaface-webgpu";
import type { Sample } from "../augment/sample.js";
import type { BatchImages } from "../trainer/images.js";
import type { MatchOptions } from "./assign.js";
import type { LossParts } from "./losses.js";
import { matchPriors } from "./match.js";
import {
  flattenTargets,
  type LossOptions,
  multiBoxLoss,
  type TargetTensors,
  unflattenTargets,
  uploadTargets,
} from "./multibox.js";

/** A batch, its images uploaded, and the priors of their size. */
export interface ObjectiveInput {
  readonly samples: readonly Sample[];
  readonly images: BatchImages;
  readonly priors: Float32Array;
}

/** What a network is trained for: named losses of its outputs for a batch. */
export interface Objective {
  /** Parts of the network whose maps the losses read, among the outputs as `map.stage1.0`; default none. */
  readonly maps?: readonly string[];
  /** Whatever takes time before a first batch of a shape `[n, h, w, 3]`. */
  prepare?(shape: readonly number[]): Promise<void>;
  /** Records the losses, by whatever names; called within `tidy`. */
  loss(output: NetworkOutput, input: ObjectiveInput): LossParts;
  /** Frees what it holds; called by who made it. */
  dispose?(): void;
}

/**
 * An objective with which a whole step can be compiled: what a batch says becomes tensors, and the losses are
 * computed from these and the outputs alone. One that only has `loss` trains step by step.
 */
export interface CompiledObjective extends Objective {
  /** What the losses depend on besides, as JSON: another step is compiled where it differs. */
  readonly settings: unknown;
  /** Uploads what a batch says; called within `tidy`. Every tensor may be disposed of: return `detach()` of others'. */
  targets(input: ObjectiveInput): Readonly<Record<string, Tensor>>;
  /** Records the losses from tensors of the same names and shapes; called once for many steps. */
  losses(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): LossParts;
}

/** Whether a step can be compiled with an objective. */
export function canCompile(objective: Objective): objective is CompiledObjective {
  return "targets" in objective && "losses" in objective;
}

/** Labelled faces: {@link matchPriors} and {@link multiBoxLoss}. */
export class MultiBoxObjective implements CompiledObjective {
  /** Faces left out so far because their boxes have no area or are not finite. */
  dropped = 0;

  constructor(
    readonly device: Device,
    readonly match: MatchOptions,
    readonly options: LossOptions,
    readonly heads: readonly HeadSpec[] = RETINAFACE_HEADS,
  ) {}

  get settings(): unknown {
    return [this.options, this.heads];
  }

  loss(output: NetworkOutput, input: ObjectiveInput): LossParts {
    return multiBoxLoss(output, this.#upload(input), this.options, this.heads);
  }

  targets(input: ObjectiveInput): Record<string, Tensor> {
    return flattenTargets(this.device, this.#upload(input));
  }

  losses(output: NetworkOutput, targets: Readonly<Record<string, Tensor>>): LossParts {
    return multiBoxLoss(output, unflattenTargets(targets), this.options, this.heads);
  }

  #upload({ samples, priors }: ObjectiveInput): TargetTensors {
    const { device, match, heads } = this;
    const targets = matchPriors(samples, priors, match, heads);
    this.dropped += targets.dropped;
    return uploadTargets(device, targets, samples.length);
  }
}
