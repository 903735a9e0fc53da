import {
  CheckpointError,
  checkpointFormat,
  type OwnBytes,
  readCheckpoint,
  readSafetensors,
  writeSafetensors,
} from "@retinaface-webgpu/tensor/inference";
import { parseDetectorConfig, parseThresholds } from "../config.js";
import type { DetectorConfig, Thresholds } from "../types.js";

/** Key of safetensors metadata under which a detector's configuration is stored, as JSON. */
export const CONFIG_KEY = "retinaface";

/** What a checkpoint says of its anchors, variances, heads and thresholds; empty for PyTorch's files. */
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

/**
 * A checkpoint as safetensors that says which thresholds go with it: `load` and all commands then take these where none
 * are asked for. Those that it stated before stay, but for the ones given. Tensors and other metadata stay as they are.
 *
 * @throws OptionError for thresholds out of range; what reading a checkpoint throws
 */
export function storeThresholds(bytes: Uint8Array, thresholds: Partial<Thresholds>): OwnBytes {
  const config = readCheckpointConfig(bytes);
  const stated = { ...config.thresholds, ...parseThresholds(thresholds) };
  const metadata = checkpointFormat(bytes) === "safetensors" ? readSafetensors(bytes).metadata : {};
  return writeSafetensors(readCheckpoint(bytes), {
    ...metadata,
    [CONFIG_KEY]: JSON.stringify({ ...config, thresholds: stated }),
  });
}
