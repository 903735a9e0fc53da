import { readCheckpoint, type StateDict } from "@retinaface-webgpu/tensor/inference";
import { houseNames } from "../model/foreign-names.js";
import { registerRetinaNet } from "../model/retinanet/index.js";
import { type Weights, weightsIn } from "./weights.js";

/**
 * What a checkpoint's tensors are here, and what goes with them: stored with them, else as published with their network.
 *
 * @param bytes the checkpoint that `tensors` were read from
 * @throws CheckpointError where the configuration stored is none
 */
export function weightsOf(tensors: StateDict, bytes: Uint8Array): Weights {
  return weightsIn(houseNames(tensors), bytes);
}

/** Reads a checkpoint with its configuration. @throws as `readCheckpoint` and {@link weightsOf} */
export function readWeights(bytes: Uint8Array): Weights {
  registerRetinaNet();
  return weightsOf(readCheckpoint(bytes), bytes);
}
