import { type Device, loadCheckpoint } from "@retinaface-webgpu/tensor/inference";
import * as nn from "@retinaface-webgpu/tensor/nn";
import { openOnnx } from "#platform";
import { checkCascade } from "../model/cascade.js";
import { checkClassNames, RETINAFACE_HEADS } from "../model/heads.js";
import { inferNetwork } from "../model/infer.js";
import { fillNetwork, type NetworkSource } from "../model/load.js";
import { loadCode } from "../model/load-code.js";
import { NetworkOnBackbone } from "../model/network.js";
import { prepareFor } from "../model/prepare.js";
import type { DetectorConfig } from "../types.js";
import { looksLikeOnnx, weightsIn } from "../weights/weights.js";

/** A detector's network, from the bytes of a checkpoint or of an ONNX model. */
export async function sourceOf(
  bytes: Uint8Array,
  overrides: Partial<DetectorConfig>,
): Promise<NetworkSource> {
  if (looksLikeOnnx(bytes)) return openOnnx(bytes, overrides);
  const { state, config: own } = weightsIn(await prepareFor(await loadCheckpoint(bytes)), bytes);
  const config = { ...own, ...overrides };
  const network = inferNetwork(state, config.heads);
  if (network.cascade) checkCascade(config);
  checkClassNames(config.classes, network.heads ?? RETINAFACE_HEADS);
  const code = await loadCode(network);
  const load = (device: Device) => {
    const made = new NetworkOnBackbone(nn.emptyInit(device), network, code);
    return fillNetwork(made, state, config.anchors);
  };
  return { config, network, load };
}
