import type { Device } from "@retinaface-webgpu/tensor";
import { checkCascade, type RetinaFaceNetwork } from "retinaface-webgpu";
import { CascadeObjective } from "./cascade.js";
import type { MatchOptions } from "./match.js";
import type { LossOptions } from "./multibox.js";
import { MultiBoxObjective } from "./objective.js";

/** Labelled faces as what a network learns. */
export type LabelObjective = MultiBoxObjective | CascadeObjective;

/**
 * What a network learns from labelled faces: with a cascade the losses of both stages, matched as the paper does whatever
 * `match` says of IoUs. @throws OptionError for variances that a cascade is not made for
 */
export function objectiveOf(
  device: Device,
  { headSpecs, firstHeadSpecs }: Pick<RetinaFaceNetwork, "headSpecs" | "firstHeadSpecs">,
  match: MatchOptions,
  loss: LossOptions,
): LabelObjective {
  if (firstHeadSpecs.length === 0) return new MultiBoxObjective(device, match, loss, headSpecs);
  checkCascade(match);
  return new CascadeObjective(device, match, loss, headSpecs, firstHeadSpecs);
}
