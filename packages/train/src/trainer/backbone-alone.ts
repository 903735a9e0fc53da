import type { StateDict } from "@retinaface-webgpu/tensor";
import {
  type BackboneName,
  matchStateDict,
  OptionError,
  type RetinaFaceNetwork,
} from "retinaface-webgpu";

/** Weights of a backbone without pyramid and heads, such as those of a classifier of ImageNet. */
export interface BackboneWeights {
  readonly backbone: BackboneName;
  /** MobileNet's width multiplier, as its first convolution tells it. */
  readonly width?: number;
  readonly state: StateDict;
}

/** Channels of MobileNet's first convolution at a width of 1 (Howard et al., "MobileNets", 2017, table 1). */
const MOBILENET_STEM = 32;

/** Names that stand for detectors: what has one is no backbone alone. */
const OF_DETECTORS = /^(body|fpn|ssh\d+|\w+Head)\./;

/** Recognises a backbone's own checkpoint: names without `body.`, a classifier beside them or not. */
export function backboneAlone(state: StateDict): BackboneWeights | undefined {
  if ([...state.keys()].some((name) => OF_DETECTORS.test(name))) return undefined;
  const stem = state.get("stage1.0.0.weight");
  if (stem) return { backbone: "mobilenet0.25", width: stem.shape[0] / MOBILENET_STEM, state };
  if (!state.has("layer1.0.conv1.weight")) return undefined;
  return { backbone: state.has("layer1.0.conv3.weight") ? "resnet50" : "resnet18", state };
}

/**
 * Fills a network's backbone; what the checkpoint has besides, such as a classifier, is left out.
 * @throws OptionError, StateDictMismatchError for a checkpoint of another backbone
 */
export function loadBackbone(
  network: RetinaFaceNetwork,
  { state, backbone }: BackboneWeights,
): void {
  if (network.config.backbone !== backbone) {
    throw new OptionError(
      `these are weights of ${backbone}, and the network has ${network.config.backbone}: give others by --weights`,
    );
  }
  const wanted = network.body.stateShapes();
  const own = new Map([...state].filter(([name]) => wanted.has(name)));
  network.body.loadStateDict(matchStateDict(wanted, own), { strict: false });
}
