import {
  type BackboneName,
  DEFAULT_CONFIG,
  type DetectorConfig,
  inferNetwork,
  type NetworkConfig,
  OBJECTNESS_HEAD,
  objectnessHead,
  PAPER_ANCHORS,
  PAPER_PARTS,
  publishedConfig,
  RETINAFACE_HEADS,
  RETINANET_CONFIG,
  type RetinaNetOptions,
} from "retinaface-webgpu";
import type { BackboneWeights } from "../trainer/backbone-alone.js";
import type { Pretrained } from "../trainer/initialise.js";
import type { PresetName, TrainSettings } from "../trainer/settings.js";
import type { NetworkForm } from "./train-network.js";

/** What `--model` makes of random weights. */
export const MODELS = ["retinaface", "retinanet", "retinanet-v2"] as const;

export type ModelName = (typeof MODELS)[number];

/** RetinaNet as its paper has it, and torchvision's second version. */
const RETINANETS: Readonly<Record<ModelName, RetinaNetOptions | undefined>> = {
  retinaface: undefined,
  retinanet: { p6: "C5" },
  "retinanet-v2": { p6: "C5", groupNorm: true },
};

/** Of random weights. */
const DEFAULT_BACKBONE = "mobilenet0.25";
const RETINANET_BACKBONE = "resnet50";

/** What `--model` would have to be for a network. */
export function modelOf({ retinanet }: NetworkConfig): ModelName {
  if (!retinanet) return "retinaface";
  return retinanet.groupNorm ? "retinanet-v2" : "retinanet";
}

/** What was asked for. */
interface ModelValues {
  readonly model?: ModelName;
  readonly backbone?: BackboneName;
  readonly width?: number;
  readonly channels?: number;
  readonly network?: NetworkForm;
}

/** Weights that a run starts from. */
interface GivenWeights {
  readonly pretrained?: Pretrained;
  readonly backbone?: BackboneWeights;
}

/** The network that a run trains: the weights' own, else the one that was asked for. */
export function networkOf(
  values: ModelValues,
  { pretrained, backbone: own }: GivenWeights,
): NetworkConfig {
  if (pretrained) return inferNetwork(pretrained.state, pretrained.config?.heads);
  const retinanet = RETINANETS[values.model ?? "retinaface"];
  const usual = retinanet ? RETINANET_BACKBONE : DEFAULT_BACKBONE;
  const { backbone = usual, width, channels } = { ...values, ...own };
  return {
    backbone,
    ...(width !== undefined && { width }),
    ...(channels !== undefined && { channels }),
    ...(retinanet && { retinanet }),
    ...values.network?.parts,
    ...(values.network?.objectness && { heads: [...RETINAFACE_HEADS, OBJECTNESS_HEAD] }),
  };
}

/** What a network is made for where nothing else is said. */
export function usualConfig(network: NetworkConfig): DetectorConfig {
  if (network.retinanet) return RETINANET_CONFIG;
  if (hasPaperLevels(network)) return { ...DEFAULT_CONFIG, anchors: PAPER_ANCHORS };
  return publishedConfig(network.backbone);
}

/** A configuration with the objectness head that the network has. */
export function withObjectness(config: DetectorConfig, { heads }: NetworkConfig): DetectorConfig {
  const row = heads && objectnessHead(heads);
  if (!row || objectnessHead(config.heads ?? [])) return config;
  return { ...config, heads: config.heads ? [...config.heads, row] : heads };
}

/** Whether a RetinaFace's levels are those of its paper. */
function hasPaperLevels({ extraLevels, retinanet }: NetworkConfig): boolean {
  return !retinanet && extraLevels === PAPER_PARTS.extraLevels;
}

/** How a network is trained where nothing else is said. @param config what it is made for */
export function usualTraining(
  network: NetworkConfig,
  { heads = [] }: DetectorConfig,
): {
  readonly preset: PresetName;
  readonly classification: TrainSettings["classification"];
} {
  const model = modelOf(network);
  const own = objectnessHead(heads) && ("objectness" as const);
  if (model !== "retinaface") return { preset: model, classification: own ?? "focal" };
  const preset = hasPaperLevels(network) ? "paper" : "pytorch";
  return { preset, classification: own ?? "hard-negatives" };
}
