import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import { RetinaFaceError } from "../errors.js";
import type { NetworkConfig } from "./network.js";

/** Channels of MobileNet's first convolution at width 1. */
const MOBILENET_STEM = 32;

/**
 * The network that a checkpoint belongs to, from its names and shapes.
 * @throws RetinaFaceError `CHECKPOINT_UNKNOWN` when it is no RetinaFace checkpoint
 */
export function inferNetwork(state: StateDict): NetworkConfig {
  const outputs = (name: string): number => {
    const shape = state.get(name)?.shape;
    if (!shape) {
      throw new RetinaFaceError(
        "CHECKPOINT_UNKNOWN",
        `This checkpoint is not a RetinaFace network: it has no ${name}. Give one whose names are ` +
          "those of the public PyTorch checkpoints (body.*, fpn.*, ssh1.*, ClassHead.*, …).",
      );
    }
    return shape[0];
  };
  const channels = outputs("fpn.output1.0.weight");
  const [a, b, c] = [0, 1, 2].map((i) => outputs(`ClassHead.${i}.conv1x1.weight`) / 2);
  const anchorsPerCell = [a, b, c] as const;
  if (state.has("body.layer1.0.conv1.weight")) {
    return { backbone: "resnet50", channels, anchorsPerCell };
  }
  const width = outputs("body.stage1.0.0.weight") / MOBILENET_STEM;
  return { backbone: "mobilenet0.25", width, channels, anchorsPerCell };
}
