import type { Device } from "@retinaface-webgpu/tensor";
import { anchorHeads, checkCascade, OptionError, type RetinaFaceNetwork } from "retinaface-webgpu";
import type { MatchOptions } from "./assign.js";
import { CascadeObjective } from "./cascade.js";
import { MESH_LOSSES, MeshObjective } from "./mesh.js";
import { checkClassification, type LossOptions } from "./multibox.js";
import { type CompiledObjective, MultiBoxObjective } from "./objective.js";
import { SimOtaObjective } from "./simota.js";

/** Labelled faces as what a network learns. */
export interface LabelObjective extends CompiledObjective {
  readonly device: Device;
  /** Faces left out so far because their boxes have no area or are not finite. */
  readonly dropped: number;
}

/**
 * What a network learns from labelled faces: with a cascade the losses of both stages, matched as the paper does whatever
 * `match` says of IoUs; with a branch for meshes its losses too. @throws OptionError for variances and assignments that a
 * cascade is not made for, and for a classification of other heads
 */
export function objectiveOf(
  device: Device,
  network: Pick<RetinaFaceNetwork, "headSpecs" | "firstHeadSpecs" | "mesh" | "levels">,
  match: MatchOptions,
  loss: LossOptions,
): LabelObjective {
  const { firstHeadSpecs: first, mesh, levels } = network;
  const heads = anchorHeads(network.headSpecs);
  checkClassification(loss.classification.kind, heads);
  if (first.length > 0) checkCascade(match);
  if (first.length > 0 && match.assignment && match.assignment !== "iou")
    throw new OptionError(
      "a cascade's stages have IoUs of their own from which anchors are a face's: leave --assignment out, or take a " +
        "network without a cascade",
    );
  const ofLabels = () => {
    if (first.length > 0) return new CascadeObjective(device, match, loss, heads, first);
    return match.assignment === "simota"
      ? new SimOtaObjective(device, match, loss, heads, levels)
      : new MultiBoxObjective(device, match, loss, heads);
  };
  const labels = ofLabels();
  if (!mesh) return labels;
  const given = Object.entries(loss.weights).filter(([name]) => MESH_LOSSES.includes(name));
  const weights = Object.fromEntries(given);
  return new MeshObjective(labels, { mesh, levels, weights, size: loss.mesh });
}
