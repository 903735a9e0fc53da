import type { StateDict } from "../core/host-tensor.js";
import { checkpointFormat } from "./format.js";
import { readSafetensors } from "./safetensors.js";
import { stripWrappers } from "./wrappers.js";

/**
 * As `readCheckpoint`, but the readers of PyTorch's files are only loaded when one is met: a page with safetensors goes
 * without them.
 */
export async function loadCheckpoint(bytes: Uint8Array): Promise<StateDict> {
  switch (checkpointFormat(bytes)) {
    case "safetensors":
      return stripWrappers(readSafetensors(bytes).tensors);
    case "pth-legacy":
      return (await import("./pth-legacy.js")).readLegacyCheckpoint(bytes);
    case "pth-zip":
      return (await import("./pth-zip.js")).readZipCheckpoint(bytes);
  }
}
