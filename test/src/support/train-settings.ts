import type { TrainSettings } from "@retinaface-webgpu/train";
import { DEFAULT_CONFIG } from "retinaface-webgpu";

/** Plain SGD on pairs of small images. */
export function plainSettings(imageSize: number, clip: number): TrainSettings {
  return {
    preset: "pytorch",
    classification: "hard-negatives",
    imageSize,
    batchSize: 2,
    accumulate: 1,
    epochs: 1,
    optimizer: "sgd",
    lr: 0.005,
    momentum: 0.9,
    weightDecay: 5e-4,
    schedule: "constant",
    warmup: 0,
    clip,
    ema: 0,
    freeze: [],
    fixedNorm: false,
    seed: 1,
    augment: true,
    config: DEFAULT_CONFIG,
  };
}
