import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import type * as nn from "@retinaface-webgpu/tensor/nn";
import type { AnchorConfig } from "../types.js";
import { matchStateDict } from "../weights/state-dict.js";
import { checkAnchorsFit } from "./levels.js";
import { type NetworkConfig, RetinaFaceNetwork } from "./network.js";

/**
 * A network with a checkpoint's weights, ready to run forward.
 * @throws StateDictMismatchError, OptionError where the anchors are for other levels
 */
export function loadNetwork(
  init: nn.Init,
  config: NetworkConfig,
  state: StateDict,
  anchors: AnchorConfig,
): RetinaFaceNetwork {
  const network = new RetinaFaceNetwork(init, config);
  try {
    checkAnchorsFit(network.levels, anchors);
    network.loadStateDict(matchStateDict(network.stateShapes(), state), { strict: false });
  } catch (error) {
    network.dispose();
    throw error;
  }
  network.eval().requiresGrad(false);
  return network;
}
