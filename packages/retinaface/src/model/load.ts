import type { MeshBranch } from "@retinaface-webgpu/mesh";
import type { Device, StateDict, Tensor } from "@retinaface-webgpu/tensor/inference";
import type * as nn from "@retinaface-webgpu/tensor/nn";
import type { Size } from "../image/fit.js";
import type { AnchorConfig, DetectorConfig, HeadSpec } from "../types.js";
import { matchStateDict } from "../weights/state-dict.js";
import { checkAnchorsFit } from "./levels.js";
import {
  type HeadOutput,
  type NetworkConfig,
  type NetworkOnBackbone,
  RetinaFaceNetwork,
} from "./network.js";

/** A network on a device, ready to run forward. */
export interface LoadedNetwork {
  readonly headSpecs: readonly HeadSpec[];
  /** @param image `[n, h, w, 3]`, B, G, R minus the mean (104, 117, 123) */
  heads(image: Tensor): HeadOutput;
  /** What says meshes, where the network has a branch for them, and with it `headsAndMap`. */
  readonly mesh?: MeshBranch | undefined;
  /** As `heads`, and the map that the branch looks at, by the name `MESH_MAP`. */
  headsAndMap?(image: Tensor): HeadOutput;
  /** Whether it does the same whatever the image's size, so that plans for other sizes follow from one. */
  readonly isSizeless?: boolean;
  dispose(): void;
}

/** What a detector's network is made from. */
export interface NetworkSource {
  readonly config: DetectorConfig;
  readonly network: NetworkConfig;
  /** The largest image that it takes, where there is one. */
  readonly within?: Size | undefined;
  load(device: Device): LoadedNetwork;
}

/**
 * Gives a network a checkpoint's weights and makes it ready to run forward.
 * @throws StateDictMismatchError, OptionError where the anchors are for other levels; the network is disposed of then
 */
export function fillNetwork<N extends NetworkOnBackbone>(
  network: N,
  state: StateDict,
  anchors: AnchorConfig,
): N {
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

/** A network with a checkpoint's weights, ready to run forward. @throws as {@link fillNetwork} */
export function loadNetwork(
  init: nn.Init,
  config: NetworkConfig,
  state: StateDict,
  anchors: AnchorConfig,
): RetinaFaceNetwork {
  return fillNetwork(new RetinaFaceNetwork(init, config), state, anchors);
}
