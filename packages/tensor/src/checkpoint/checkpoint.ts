import type { StateDict } from "../core/host-tensor.js";
import { unsupported } from "./errors.js";
import { readLegacyCheckpoint } from "./pth-legacy.js";
import { readZipCheckpoint } from "./pth-zip.js";
import { looksLikeSafetensors, readSafetensors } from "./safetensors.js";
import { stripWrappers } from "./wrappers.js";

/** How a checkpoint is stored: safetensors, or PyTorch's `.pth` in either of its formats. */
export type CheckpointFormat = "safetensors" | "pth-legacy" | "pth-zip";

const TAR_MAGIC_OFFSET = 257;
const PICKLE_PROTOCOL_OPCODE = 0x80;

function startsWith(bytes: Uint8Array, text: string, offset = 0): boolean {
  return [...text].every((character, i) => bytes[offset + i] === character.charCodeAt(0));
}

/**
 * Recognises a checkpoint by its content; names and extensions do not count.
 *
 * @throws CheckpointError `CHECKPOINT_UNSUPPORTED` where it is none of the known formats
 */
export function checkpointFormat(bytes: Uint8Array): CheckpointFormat {
  if (startsWith(bytes, "PK\x03\x04") || startsWith(bytes, "PK\x05\x06")) return "pth-zip";
  if (looksLikeSafetensors(bytes)) return "safetensors";
  if (bytes[0] === PICKLE_PROTOCOL_OPCODE) return "pth-legacy";
  throw unsupported(
    `${describe(bytes)} Known are safetensors and PyTorch's .pth files (legacy and ZIP).`,
  );
}

function describe(bytes: Uint8Array): string {
  if (bytes.length === 0) return "The file is empty.";
  if (startsWith(bytes, "ustar", TAR_MAGIC_OFFSET)) return "It is a tar archive: unpack it first.";
  if (startsWith(bytes, "<")) return "It looks like a web page, not a checkpoint.";
  if (startsWith(bytes, "version https://git-lfs")) {
    return "It is a Git LFS pointer, not the checkpoint itself: run `git lfs pull`.";
  }
  return "It is not a checkpoint.";
}

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
