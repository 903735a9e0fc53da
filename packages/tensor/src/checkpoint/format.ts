import { unsupported } from "./errors.js";
import { looksLikeSafetensors } from "./safetensors.js";

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
