import { stringify } from "yaml";
import type { RunDescription } from "../run/run-files.node.js";
import type { TrainValues } from "./train-options.js";

const HEADER = `# The options of this run: train --config config.yaml --out ANOTHER-FOLDER starts it again.
# Paths are relative to where the command is called. Of weights: default is what detect takes.
`;

/** All options of a run with the values that they had, as `--config` reads them. */
export function describeConfig(values: TrainValues, description: RunDescription): string {
  const { settings } = description;
  const { crop, mirror, distort } = settings.augmentation ?? {};
  const cropText = crop === null ? "none" : crop?.join("-");
  const { model, backbone, width, channels, network, anchors, mesh } = values;
  const options = {
    data: description.data,
    val: description.val ?? "none",
    scale: description.scale,
    "val-every": description.valEvery,
    patience: description.patience ?? 0,
    "checkpoint-every": description.checkpointEvery,
    weights: description.weights ?? "random",
    model,
    backbone,
    width,
    channels,
    network: network?.text,
    classes: settings.config.classes,
    mesh,
    "mesh-heads": settings.meshHeads,
    freeze: settings.freeze.length > 0 ? settings.freeze : "none",
    "batch-norm": settings.fixedNorm ? "fixed" : "train",
    anchors,
    "refine-anchors": settings.refineAnchors,
    preset: settings.preset,
    loss: settings.classification,
    "box-loss": settings.boxLoss,
    assignment: settings.assignment,
    "loss-weights": settings.lossWeights,
    epochs: settings.epochs,
    "batch-size": settings.batchSize,
    accumulate: settings.accumulate,
    "image-size": settings.imageSize,
    recompute: settings.recompute,
    precision: settings.precision,
    optimizer: settings.optimizer,
    lr: settings.lr,
    "lr-factors": settings.lrFactors,
    momentum: settings.momentum,
    "weight-decay": settings.weightDecay,
    schedule: settings.schedule,
    warmup: settings.warmup,
    clip: settings.clip,
    ema: settings.ema,
    augment: settings.augment,
    crop: cropText,
    mirror,
    distort,
    seed: settings.seed,
  };
  return HEADER + stringify(options, { keepUndefined: false, lineWidth: 0 });
}
