import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ReadError } from "../errors.js";
import { brief } from "../image/bytes.js";
import { readBytes } from "../image/read.node.js";
import { readWhole } from "../platform/read-file.node.js";
import { cachedPath, cacheFolder, type Environment } from "./cache.node.js";
import { WeightsNotFoundError } from "./errors.js";
import { DEFAULT_WEIGHTS, LIGHT_WEIGHTS, PUBLIC_FILES, type PublicFile } from "./registry.js";

/** Which of the places the weights came from, and the file. */
export interface WeightsOrigin {
  readonly kind: "explicit" | "environment" | "bundled" | "cache";
  readonly path: string;
}

export interface LocatedWeights {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly origin: WeightsOrigin;
}

export interface LocateOptions {
  /** Default: the user's cache folder, see {@link cacheFolder}. */
  readonly cacheDir?: string | undefined;
  /** Default: `process.env`. */
  readonly env?: Environment | undefined;
  /** Default: the file in this package. */
  readonly bundled?: string | undefined;
  /** Default: {@link PUBLIC_FILES}. */
  readonly registry?: readonly PublicFile[] | undefined;
}

const VARIABLE = "RETINAFACE_WEIGHTS";
/** By the package's name, not by a path: this module is also a part of other packages' programs. */
const ownFile = (name: string) =>
  fileURLToPath(import.meta.resolve(`retinaface-webgpu/weights/${name}.safetensors`));
const HOW_TO_GET =
  `Run \`retinaface pull ${DEFAULT_WEIGHTS}\` once to download the public weights (MIT licence, 1.8 MB), ` +
  `or name a file: --weights FILE, load({ weights }), or ${VARIABLE}=FILE.`;

/** The path that a user's text names: `light`, a path, or a file: URL. */
function toPath(text: string): string {
  if (text === LIGHT_WEIGHTS) return ownFile(LIGHT_WEIGHTS);
  if (/^https?:/i.test(text)) {
    throw new WeightsNotFoundError(
      "WEIGHTS_URL_REFUSED",
      `${brief(text)} is on the network, which only \`retinaface pull\` uses. Download it and name the file.`,
    );
  }
  if (!/^file:/i.test(text) || existsSync(text)) return text;
  try {
    return fileURLToPath(text);
  } catch (error) {
    throw new WeightsNotFoundError(
      "WEIGHTS_NOT_FOUND",
      `${brief(text)} names no file on this machine.`,
      {
        cause: error,
      },
    );
  }
}

/** A file's bytes, or undefined where it is not there. */
async function read(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await readWhole(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new WeightsNotFoundError(
      "WEIGHTS_UNREADABLE",
      error instanceof ReadError
        ? `${message}. Name the file of a checkpoint.`
        : `${brief(path)} can not be read (${code ?? message}). Check that it is a file you may read.`,
      { cause: error },
    );
  }
}

async function readNamed(kind: "explicit" | "environment", text: string): Promise<LocatedWeights> {
  const path = toPath(text);
  const bytes = await read(path);
  if (bytes) return { bytes, origin: { kind, path } };
  const source = kind === "environment" ? ` (from ${VARIABLE})` : "";
  throw new WeightsNotFoundError(
    "WEIGHTS_NOT_FOUND",
    `There is no file ${brief(path)}${source}. ${HOW_TO_GET}`,
  );
}

async function readCached(file: PublicFile, cacheDir: string): Promise<LocatedWeights | undefined> {
  const path = cachedPath(file, cacheDir);
  const bytes = await read(path);
  if (!bytes) return undefined;
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 !== file.sha256) {
    throw new WeightsNotFoundError(
      "WEIGHTS_DAMAGED",
      `${path} is not the published file. Run \`retinaface pull ${file.name}\` to replace it.`,
    );
  }
  return { bytes, origin: { kind: "cache", path } };
}

/**
 * Finds and reads weights: `explicit` (a path, a file: URL, or `light` for the package's light ones), `RETINAFACE_WEIGHTS`,
 * the file bundled with the package, the public default in the pull cache, in this order. One that is named but absent is an
 * error, not a reason to look further. The network is never used.
 *
 * @throws WeightsNotFoundError
 */
export async function locateWeights(
  explicit?: string,
  options: LocateOptions = {},
): Promise<LocatedWeights> {
  const { env = process.env, bundled = ownFile("default"), registry = PUBLIC_FILES } = options;
  if (explicit !== undefined) return readNamed("explicit", explicit);
  const variable = env[VARIABLE];
  if (variable) return readNamed("environment", variable);
  const bytes = await read(bundled);
  if (bytes) return { bytes, origin: { kind: "bundled", path: bundled } };
  const file = registry.find(({ name }) => name === DEFAULT_WEIGHTS);
  const cached = file && (await readCached(file, options.cacheDir ?? cacheFolder(env)));
  if (cached) return cached;
  throw new WeightsNotFoundError("WEIGHTS_NOT_FOUND", `There are no weights. ${HOW_TO_GET}`);
}

/**
 * The bytes of weights that somebody names: `light`, or all that `readBytes` takes.
 * @throws as {@link locateWeights} and `readBytes`
 */
export async function readNamedWeights(name: string, signal?: AbortSignal): Promise<Uint8Array> {
  return name === LIGHT_WEIGHTS ? (await locateWeights(name)).bytes : readBytes(name, signal);
}
