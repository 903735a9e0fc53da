import {
  CheckpointError,
  checkpointFormat,
  readSafetensors,
} from "@retinaface-webgpu/tensor/inference";
import { parseDetectorConfig } from "../config.js";
import type { DetectorConfig } from "../types.js";

/** Key of safetensors metadata under which a detector's configuration is stored, as JSON. */
export const CONFIG_KEY = "retinaface";

/** What a checkpoint says of its anchors and variances; empty for PyTorch's files. */
export function readCheckpointConfig(bytes: Uint8Array): Partial<DetectorConfig> {
  if (checkpointFormat(bytes) !== "safetensors") return {};
  const text = readSafetensors(bytes).metadata[CONFIG_KEY];
  if (text === undefined) return {};
  try {
    return parseDetectorConfig(JSON.parse(text));
  } catch (error) {
    throw new CheckpointError(
      "CHECKPOINT_CORRUPT",
      `The checkpoint's "${CONFIG_KEY}" metadata is no configuration (${(error as Error).message}): write it again.`,
    );
  }
}
