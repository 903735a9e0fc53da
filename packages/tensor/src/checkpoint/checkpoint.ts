import type { StateDict } from "../core/host-tensor.js";
import { checkpointFormat } from "./format.js";
import { readLegacyCheckpoint } from "./pth-legacy.js";
import { readZipCheckpoint } from "./pth-zip.js";
import { readSafetensors } from "./safetensors.js";
import { stripWrappers } from "./wrappers.js";

/**
 * Reads the tensors of a checkpoint: a state dict, or a dictionary that holds one as `state_dict`,
 * `model_state_dict`, `model`, `ema` or `net` (the first of these counts). Prefixes that all names share
 * and that wrappers put there are taken off: `module.`, `_orig_mod.`, `model.`. Nothing in the file is
 * executed, and what it takes in memory is at most 16 times its size, or 16 MiB.
 *
 * @throws CheckpointError where a `.pth` is damaged, unsafe or of an unknown kind
 * @throws SafetensorsError where a safetensors file is
 */
export function readCheckpoint(bytes: Uint8Array): StateDict {
  switch (checkpointFormat(bytes)) {
    case "safetensors":
      return stripWrappers(readSafetensors(bytes).tensors);
    case "pth-legacy":
      return readLegacyCheckpoint(bytes);
    case "pth-zip":
      return readZipCheckpoint(bytes);
  }
}
