import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import type { AnchorConfig, DetectorConfig, Thresholds } from "../../types.js";
import { BOX_NUMBERS, retinaNetHeads } from "../heads.js";
import { COCO_CATEGORIES } from "./coco.js";

/** Channels of the pyramid and of the subnets (Lin et al. 2017). */
export const RETINANET_CHANNELS = 256;
/** P6 and P7. */
export const RETINANET_EXTRA_LEVELS = 2;

/** Strides of P3 to P7. */
const STEPS = [8, 16, 32, 64, 128];
/** Side of a level's smallest square anchor, in its strides. */
const BASE = 4;
const OCTAVES = [0, 1 / 3, 2 / 3];

/** 2^0, 2^(1/3) and 2^(2/3) times 32 to 512 pixels, at 2:1, 1:1 and 1:2. */
const ANCHORS: AnchorConfig = {
  minSizes: STEPS.map((step) => OCTAVES.map((octave) => BASE * step * 2 ** octave)),
  steps: STEPS,
  ratios: [2, 1, 0.5],
  clip: false,
};

/** The post-processing of Lin et al. 2017, with torchvision's 300 results and scores worth showing from a half on. */
const THRESHOLDS: Thresholds = {
  confidenceThreshold: 0.05,
  topK: 1000,
  nmsThreshold: 0.5,
  keepTopK: 300,
  visThreshold: 0.5,
};

/** What a RetinaNet is made for: anchors of nine shapes on five levels, no variances, each class by itself. */
export const RETINANET_CONFIG = {
  anchors: ANCHORS,
  variances: [1, 1],
  heads: retinaNetHeads(1),
  suppression: "by-class",
  thresholds: THRESHOLDS,
} as const satisfies DetectorConfig;

/** A configuration for these classes. */
export function retinaNetConfig(classes: readonly string[]): DetectorConfig {
  return { ...RETINANET_CONFIG, heads: retinaNetHeads(classes.length), classes };
}

/** What torchvision's checkpoints were trained with: its form of the anchors, and COCO's classes where there are 91. */
export function torchvisionConfig(state: StateDict): DetectorConfig {
  const boxes = state.get("BboxHead.bbox_reg.weight")?.shape[0] ?? 0;
  const logits = state.get("ClassHead.cls_logits.weight")?.shape[0] ?? 0;
  const classes = (logits * BOX_NUMBERS) / boxes;
  return {
    ...RETINANET_CONFIG,
    anchors: { ...ANCHORS, minSizes: ANCHORS.minSizes.map(wholeSizes), form: "torchvision" },
    heads: retinaNetHeads(Number.isSafeInteger(classes) && classes > 0 ? classes : 1),
    ...(classes === COCO_CATEGORIES.length && { classes: COCO_CATEGORIES }),
  };
}

/** torchvision cuts the sizes off behind the point. */
const wholeSizes = (sizes: readonly number[]) => sizes.map(Math.floor);
