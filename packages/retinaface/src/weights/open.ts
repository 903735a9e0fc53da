import { readCheckpoint, type StateDict } from "@retinaface-webgpu/tensor/inference";
import { retinaNetArchitecture } from "../model/architecture.js";
import { houseNames } from "../model/foreign-names.js";
import { publishedConfig, recogniseBackbone } from "../model/registry.js";
import { registerRetinaNet } from "../model/retinanet/index.js";
import { isRetinaNet } from "../model/retinanet/names.js";
import { DEFAULT_CONFIG, type DetectorConfig } from "../types.js";
import { readCheckpointConfig } from "./config.js";

/** A network's weights and what they were trained with. */
export interface Weights {
  /** Under the names that networks have here. */
  readonly state: StateDict;
  readonly config: DetectorConfig;
}

/**
 * What a checkpoint's tensors are here, and what goes with them: stored with them, else as published with their network.
 *
 * @param bytes the checkpoint that `tensors` were read from
 * @throws CheckpointError where the configuration stored is none
 */
export function weightsOf(tensors: StateDict, bytes: Uint8Array): Weights {
  const state = houseNames(tensors);
  return { state, config: { ...publishedWith(state), ...readCheckpointConfig(bytes) } };
}

/** What the published checkpoints of a network were trained with. */
function publishedWith(state: StateDict): DetectorConfig {
  if (isRetinaNet(state)) return retinaNetArchitecture().published(state);
  const backbone = recogniseBackbone(state);
  return backbone === undefined ? DEFAULT_CONFIG : publishedConfig(backbone);
}

/** ONNX files begin with the version of their format, safetensors with a length that may be that number and a brace. */
export function looksLikeOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === 8 && bytes[8] !== 0x7b;
}

/** Reads a checkpoint with its configuration. @throws as `readCheckpoint` and {@link weightsOf} */
export function readWeights(bytes: Uint8Array): Weights {
  registerRetinaNet();
  return weightsOf(readCheckpoint(bytes), bytes);
}
