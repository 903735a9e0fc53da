import { OptionError } from "../../errors.js";
import { type Architecture, registerArchitecture } from "../architecture.js";
import { objectnessHead } from "../heads.js";
import { anchorsPerCellOf } from "../levels.js";
import { backboneEntry } from "../registry.js";
import {
  RETINANET_CHANNELS,
  RETINANET_CONFIG,
  RETINANET_EXTRA_LEVELS,
  torchvisionConfig,
} from "./config.js";
import { GROUPS, SubnetHead } from "./head.js";
import { inferRetinaNet } from "./infer.js";
import { ImageNetInput } from "./input.js";
import { RetinaNetFPN } from "./pyramid.js";

/** RetinaNet (Lin et al. 2017): see {@link RetinaNetFPN} and {@link SubnetHead}. */
const RETINANET: Architecture = {
  complete: (config) => ({
    ...config,
    channels: config.channels ?? backboneEntry(config.backbone).channels ?? RETINANET_CHANNELS,
    anchorsPerCell: config.anchorsPerCell ?? anchorsPerCellOf(RETINANET_CONFIG.anchors),
    extraLevels: config.extraLevels ?? RETINANET_EXTRA_LEVELS,
    heads: config.heads ?? RETINANET_CONFIG.heads,
  }),
  check: ({ channels = 0, heads = [], retinanet }, levels) => {
    if (objectnessHead(heads)) {
      throw new OptionError(
        "RetinaNet's classes learn background by focal loss: leave the objectness head out, or retinanet",
      );
    }
    if (retinanet?.groupNorm && channels % GROUPS !== 0) {
      throw new OptionError(
        `GroupNorm of ${GROUPS} groups over ${channels} channels: give channels a multiple of ${GROUPS}`,
      );
    }
    if (new Set(levels.map(({ anchors }) => anchors)).size === 1) return;
    throw new OptionError(
      "RetinaNet's levels share their heads: give anchorsPerCell the same number for each level",
    );
  },
  input: (init) => new ImageNetInput(init),
  pyramid: (init, inChannels, levels, { retinanet }) => {
    const [{ channels }] = levels;
    const extraStrides = levels.slice(inChannels.length).map(({ stride }) => stride);
    return new RetinaNetFPN(init, {
      inChannels,
      channels,
      extraStrides,
      p6: retinanet?.p6 ?? "C5",
    });
  },
  head: (init, { channels, anchors }, head, { retinanet }) =>
    new SubnetHead(init, { channels, anchors, head, groupNorm: retinanet?.groupNorm ?? false }),
  infer: inferRetinaNet,
  published: torchvisionConfig,
};

/**
 * Makes RetinaNet known to `RetinaFaceNetwork`, `inferNetwork` and what builds on them. `Detector.load`, `RetinaFace.load`,
 * `readWeights` and training do so themselves.
 */
export function registerRetinaNet(): void {
  registerArchitecture(RETINANET);
}
