import type { StateDict } from "@retinaface-webgpu/tensor/inference";
import { retinaNetArchitecture } from "../model/architecture.js";
import { isRetinaNet } from "../model/marks.js";
import { publishedConfig, recogniseBackbone } from "../model/registry.js";
import { DEFAULT_CONFIG, type DetectorConfig } from "../types.js";
import { readCheckpointConfig } from "./config.js";

/** A network's weights and what they were trained with. */
export interface Weights {
  /** Under the names that networks have here. */
  readonly state: StateDict;
  readonly config: DetectorConfig;
}

/** What tensors under the names used here are, and what goes with them: as `weightsOf`. */
export function weightsIn(state: StateDict, bytes: Uint8Array): Weights {
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
