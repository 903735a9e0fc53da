import type { Tensor } from "@retinaface-webgpu/tensor";
import type { NetworkOutput, NetworkPart, RetinaFaceNetwork } from "retinaface-webgpu";

/** @deprecated `NetworkPart["run"]` */
export type Stage = NetworkPart["run"];

/** @deprecated `network.parts()`, of which these are the functions */
export function stagesOf(network: RetinaFaceNetwork): Stage[] {
  return network.parts().map(({ run }) => run);
}

/** @deprecated `network.join(network.predict(features))` */
export function predict(network: RetinaFaceNetwork, features: readonly Tensor[]): NetworkOutput {
  return network.join(network.predict(features));
}
