import {
  checkpointFormat,
  type OwnBytes,
  readCheckpoint,
  readSafetensors,
  type StateDict,
  toFloat32,
  writeSafetensors,
} from "@retinaface-webgpu/tensor/inference";
import { RetinaFaceError } from "retinaface-webgpu";
import { type EmbedderConfig, embedderConfig } from "./config.js";
import { plainNames, recogniseConfig } from "./foreign.js";
import { leastWeights } from "./least-weights.js";

/** Key of safetensors metadata under which an embedding network's configuration is stored, as JSON. */
export const EMBEDDER_KEY = "retinaface-embedder";

/** Key of what made the weights: data, loss, steps. */
const MADE_KEY = "retinaface-trained";

/** An embedding network's weights and what it is. */
export interface EmbedderWeights {
  readonly config: EmbedderConfig;
  readonly state: StateDict;
}

/**
 * Reads the checkpoint of an embedding network: safetensors of ours, or a `.pth` or safetensors file with the names of
 * insightface's `arcface_torch` (see `foreign.ts`).
 *
 * @throws CheckpointError, SafetensorsError; {@link RetinaFaceError} `CHECKPOINT_UNSUPPORTED` for another network's,
 * `CHECKPOINT_CORRUPT` for a configuration that is none
 */
export function readEmbedder(bytes: Uint8Array): EmbedderWeights {
  const state = plainNames(readCheckpoint(bytes));
  const isOurs = checkpointFormat(bytes) === "safetensors";
  const stored = isOurs ? readSafetensors(bytes).metadata[EMBEDDER_KEY] : undefined;
  const config = stored === undefined ? recogniseConfig(state) : parseConfig(stored);
  const held = [...state.values()].reduce((sum, { data }) => sum + data.length, 0);
  const least = leastWeights(config);
  if (held >= least) return { state, config };
  throw new RetinaFaceError(
    "CHECKPOINT_CORRUPT",
    `The checkpoint holds ${held} numbers, a ${config.architecture} as it says it is has more than ${least}: it is not whole.`,
  );
}

function parseConfig(text: string): EmbedderConfig {
  try {
    return embedderConfig(JSON.parse(text) as Partial<EmbedderConfig>);
  } catch (cause) {
    throw new RetinaFaceError(
      "CHECKPOINT_CORRUPT",
      `The checkpoint's "${EMBEDDER_KEY}" metadata is no configuration (${(cause as Error).message}): write it again.`,
      { cause },
    );
  }
}

/**
 * An embedding network as safetensors: what `Embedder.load` and `--weights` take.
 * @param made what made the weights, for people
 */
export function writeEmbedder(
  { config, state }: EmbedderWeights,
  made?: Readonly<Record<string, unknown>>,
): OwnBytes {
  const told = made && { [MADE_KEY]: JSON.stringify(made) };
  return writeSafetensors(state, { [EMBEDDER_KEY]: JSON.stringify(config), ...told });
}

/**
 * Tells models apart: SHA-256, in hexadecimal, of a configuration and its weights as 32-bit floats, however the file stores
 * them. Vectors of different models cannot be compared.
 */
export async function fingerprintOf({ config, state }: EmbedderWeights): Promise<string> {
  const { architecture, dimension, size, width, blocks, lower = null } = config;
  const form = [architecture, dimension, size, width, blocks, lower];
  const { evened, flipped } = config;
  const head = JSON.stringify([
    ...form,
    ...(evened ? ["evened"] : []),
    ...(flipped ? ["flipped"] : []),
  ]);
  const names = [...state.keys()].filter((name) => !name.endsWith("num_batches_tracked")).sort();
  const parts: Uint8Array[] = [new TextEncoder().encode(head)];
  for (const name of names) {
    const tensor = state.get(name)!;
    const values = Float32Array.from(toFloat32(tensor));
    parts.push(new TextEncoder().encode(`\n${name} ${tensor.shape}\n`));
    parts.push(new Uint8Array(values.buffer));
  }
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return hexadecimal(await digest(whole));
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  if (!globalThis.crypto?.subtle) {
    throw new RetinaFaceError(
      "CRYPTO_UNAVAILABLE",
      "Telling models apart needs crypto.subtle: serve the page over https or from localhost.",
    );
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function hexadecimal(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
