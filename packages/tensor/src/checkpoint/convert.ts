import { encodeHalf } from "../core/float16.js";
import type { HostTensor } from "../core/host-tensor.js";
import type { OwnBytes } from "../core/web.js";
import { readCheckpoint } from "./checkpoint.js";
import { unsupported } from "./errors.js";
import { checkpointFormat } from "./format.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";

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
  const digest = await crypto.subtle.digest("SHA-256", bytes as OwnBytes);
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
): Promise<OwnBytes> {
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
