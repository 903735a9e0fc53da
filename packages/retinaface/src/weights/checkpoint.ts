import {
  encodeHalf,
  type HostTensor,
  looksLikeSafetensors,
  readSafetensors,
  type StateDict,
  writeSafetensors,
} from "@retinaface-webgpu/tensor/inference";
import { unsupported } from "./errors.js";
import { readLegacyCheckpoint } from "./pth-legacy.js";
import { readZipCheckpoint } from "./pth-zip.js";
import { stripDataParallel } from "./torch-tensors.js";

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
 * Reads the tensors of a checkpoint: a state dict, or a dictionary that holds one as `state_dict`.
 * A `module.` that all names share is taken off. Nothing in the file is executed, and memory is
 * bounded by a small multiple of the file's size.
 *
 * @throws CheckpointError where a `.pth` is damaged, unsafe or of an unknown kind
 * @throws SafetensorsError where a safetensors file is
 */
export function readCheckpoint(bytes: Uint8Array): StateDict {
  switch (checkpointFormat(bytes)) {
    case "safetensors":
      return stripDataParallel(readSafetensors(bytes).tensors);
    case "pth-legacy":
      return readLegacyCheckpoint(bytes);
    case "pth-zip":
      return readZipCheckpoint(bytes);
  }
}

const HALF_INFINITY = 0x7c00;
/** Batch norm's statistics span more than f16 does: a variance in the public weights is 98,221. */
const KEPT_WIDE = /(?:^|\.)running_(?:mean|var)$/;

/** Floating elements as f16, but for statistics and tensors of which a value would become infinite. */
function toHalfTensor(name: string, tensor: HostTensor): HostTensor {
  if ((tensor.dtype !== "f32" && tensor.dtype !== "f64") || KEPT_WIDE.test(name)) return tensor;
  const data = encodeHalf(tensor.data);
  const overflows = data.some(
    (bits, i) => (bits & 0x7fff) === HALF_INFINITY && Number.isFinite(tensor.data[i]),
  );
  return overflows ? tensor : { dtype: "f16", shape: tensor.shape, data };
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
  if (!globalThis.crypto?.subtle) {
    throw unsupported(
      "Converting needs crypto.subtle: serve the page over https or from localhost.",
    );
  }
  const digest = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Converts any checkpoint that {@link readCheckpoint} reads to safetensors. The metadata record the
 * source's format and sha256; those of a safetensors file are kept, its anchors among them.
 *
 * @param options.half stores f32 and f64 tensors as f16, rounded to nearest even; batch norm's running
 * statistics and tensors with a finite value beyond 65504 stay as they are
 * @throws as {@link readCheckpoint}
 */
export async function convertCheckpoint(
  bytes: Uint8Array,
  options: { half?: boolean } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  let tensors = readCheckpoint(bytes);
  if (options.half) {
    tensors = new Map([...tensors].map(([name, t]) => [name, toHalfTensor(name, t)]));
  }
  const format = checkpointFormat(bytes);
  const kept = format === "safetensors" ? readSafetensors(bytes).metadata : {};
  return writeSafetensors(tensors, {
    ...kept,
    source_format: format,
    source_sha256: await sha256Hex(bytes),
  });
}
