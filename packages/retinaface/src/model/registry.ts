import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import type * as nn from "@retinaface-webgpu/tensor/nn";
import { OptionError } from "../errors.js";
import { type AnchorConfig, DEFAULT_CONFIG, type DetectorConfig } from "../types.js";
import type { Backbone } from "./backbones/backbone.js";
import { MOBILENET_LAST, MOBILENET_STEM } from "./backbones/mobilenet.js";
import type { HeadForm } from "./head.js";

/** Backbones by the names that configurations use; {@link registerBackbone} adds others. */
export type BackboneName =
  | "mobilenet0.25"
  | "resnet50"
  | "resnet18"
  | "slim"
  | "rfb"
  | "light"
  | (string & {});

/** What the library knows of a backbone. */
export interface BackboneEntry {
  /** @param width multiplier of its channels, where it has one */
  create(init: nn.Init, width: number): Backbone;
  /** Channels of a pyramid over it, where none are asked for; absent: heads read its maps without a pyramid. */
  readonly channels?: number;
  /** How the heads are built; default `pointwise`. */
  readonly heads?: HeadForm;
  /** Whether merges and context modules over it are separable convolutions where nothing else is said; default false. */
  readonly separable?: boolean;
  /** What its published checkpoints were trained with, where it is not {@link DEFAULT_CONFIG}. */
  readonly config?: Partial<DetectorConfig>;
  /** A weight that only its checkpoints have, such as `body.layer1.0.conv1.weight`, or several that only they have all. */
  readonly mark: string | readonly string[];
  /** Names of its stages, where they are not those of {@link STAGE_NAMES}: what `train --freeze` takes. */
  readonly stages?: readonly string[];
  /** The width of a checkpoint of it, NaN where its weights bear out none; absent where there is only one. */
  widthOf?(state: StateDict): number;
}

/** What is known of a backbone; those of the library have their code elsewhere: `code.ts`. */
export type BackboneFacts = Omit<BackboneEntry, "create"> & Partial<Pick<BackboneEntry, "create">>;

/** Makes a backbone. */
export type BackboneMaker = BackboneEntry["create"];

/** Of the published backbones: the first convolution, then up to stride 8, 16 and 32. */
export const STAGE_NAMES = ["stem", "stage1", "stage2", "stage3"] as const;

const STEM_WEIGHT = "body.stage1.0.0.weight";

/** How many numbers a part of a network has. */
export function numbersIn(state: StateDict, part: string): number {
  let count = 0;
  for (const [name, { data }] of state) if (name.startsWith(`${part}.`)) count += data.length;
  return count;
}

/** By the stem. The last convolution alone has as many weights as the last stage has channels, squared. */
function mobileNetWidth(state: StateDict): number {
  const width = state.get(STEM_WEIGHT)!.shape[0] / MOBILENET_STEM;
  return numbersIn(state, "body") >= (width * MOBILENET_LAST) ** 2 ? width : Number.NaN;
}

/** Of Face-Detector-1MB-with-landmark and of Ultra-Light-Fast-Generic-Face-Detector. */
const LIGHT_ANCHORS: AnchorConfig = {
  minSizes: [
    [10, 16, 24],
    [32, 48],
    [64, 96],
    [128, 192, 256],
  ],
  steps: [8, 16, 32, 64],
  ratios: [1],
  clip: false,
};

const LIGHT = {
  heads: "separable",
  stages: ["stem", "stage1", "stage2", "stage3", "stage4"],
} as const;

const RFB_MARK = "body.conv8.branch0.0.conv.weight";
const SLIM_MARK = "body.conv14.2.2.weight";
const SCALED_MARK = "body.input.scale";

/** Recognised in this order. */
const BACKBONES = new Map<string, BackboneFacts>([
  [
    "mobilenet0.25",
    {
      channels: 64,
      mark: STEM_WEIGHT,
      widthOf: mobileNetWidth,
    },
  ],
  [
    "resnet50",
    {
      channels: 256,
      mark: ["body.layer1.0.conv1.weight", "body.layer1.0.conv3.weight"],
    },
  ],
  [
    "resnet18",
    {
      channels: 64,
      mark: "body.layer1.0.conv1.weight",
    },
  ],
  [
    "ultralight-rfb",
    {
      ...LIGHT,
      config: { anchors: { ...LIGHT_ANCHORS, clip: true } },
      mark: [SCALED_MARK, RFB_MARK],
    },
  ],
  [
    "ultralight-slim",
    {
      ...LIGHT,
      config: { anchors: { ...LIGHT_ANCHORS, clip: true } },
      mark: [SCALED_MARK, SLIM_MARK],
    },
  ],
  [
    "rfb",
    {
      ...LIGHT,
      config: { anchors: LIGHT_ANCHORS },
      mark: RFB_MARK,
    },
  ],
  [
    "slim",
    {
      ...LIGHT,
      config: { anchors: LIGHT_ANCHORS },
      mark: SLIM_MARK,
    },
  ],
  [
    "light",
    {
      channels: 32,
      separable: true,
      mark: "body.stride4.0.0.weight",
    },
  ],
]);

/**
 * Adds a backbone under a name: networks are then made with it, and checkpoints recognised.
 * @throws OptionError where the name is taken
 */
export function registerBackbone(name: string, entry: BackboneEntry): void {
  if (BACKBONES.has(name)) {
    throw new OptionError(`there is a backbone "${name}" already: take another name`);
  }
  BACKBONES.set(name, entry);
}

/** Names of the backbones. */
export function backboneNames(): BackboneName[] {
  return [...BACKBONES.keys()];
}

/** @throws OptionError for a name that none has */
export function backboneEntry(name: BackboneName): BackboneFacts {
  const entry = BACKBONES.get(name);
  if (entry) return entry;
  throw new OptionError(
    `there is no backbone "${name}": take one of ${backboneNames().join(", ")}, or add it by registerBackbone`,
  );
}

/** Names of a backbone's stages. @throws OptionError for a name that none has */
export function stageNames(name: BackboneName): readonly string[] {
  return backboneEntry(name).stages ?? STAGE_NAMES;
}

/** Whether networks over a backbone have a pyramid and context modules. @throws OptionError for a name that none has */
export function hasPyramid(name: BackboneName): boolean {
  return backboneEntry(name).channels !== undefined;
}

/** Whether merges and context modules of a network are separable: as it says itself, else as is usual over its backbone. */
export function isSeparable(config: {
  readonly backbone: BackboneName;
  readonly separable?: boolean | undefined;
  readonly deformable?: boolean | undefined;
  readonly retinanet?: object | undefined;
}): boolean {
  const { backbone, separable, deformable, retinanet } = config;
  if (separable !== undefined) return separable;
  return !deformable && !retinanet && backboneEntry(backbone).separable === true;
}

/** The name of the backbone that a checkpoint has, or undefined. */
export function recogniseBackbone(state: StateDict): BackboneName | undefined {
  return backboneNames().find((name) =>
    [backboneEntry(name).mark].flat().every((mark) => state.has(mark)),
  );
}

/** What networks over a backbone are made for where nothing else is said. @throws OptionError for a name that none has */
export function publishedConfig(name: BackboneName): DetectorConfig {
  return { ...DEFAULT_CONFIG, ...backboneEntry(name).config };
}
