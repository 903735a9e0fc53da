import { mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { cachedPath, cacheFolder } from "./cache.node.js";
import { download, StalePartError, TransientError } from "./download.node.js";
import { PullError, quote } from "./errors.js";
import { isComplete, isPublished, Part } from "./part.node.js";
import { openRoute, type Route } from "./proxy.node.js";
import { PUBLIC_FILES, type PublicFile } from "./registry.js";

/**
 * Fetches a public file into the user's cache. Bytes go to a part that is this call's alone, so that two at once do each
 * other no harm, and that a later call goes on with. Only a part of the registered size and sha256 is renamed to the
 * final name.
 */

/** How far a download is, in bytes. */
export interface PullProgress {
  readonly name: string;
  readonly received: number;
  readonly total: number;
}

export interface PullOptions {
  /** Default: the user's cache folder, see {@link cacheFolder}. */
  readonly cacheDir?: string | undefined;
  /** Default: {@link PUBLIC_FILES}. */
  readonly registry?: readonly PublicFile[] | undefined;
  /** Called with each piece that arrives, what an earlier call left included in `received`. */
  readonly onProgress?: ((progress: PullProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Further attempts after a connection that broke off or a busy server. Default 4. */
  readonly retries?: number | undefined;
  /** Pause before the first further attempt, doubled each time, in milliseconds. Default 500. */
  readonly retryDelay?: number | undefined;
  /** A connection that is silent for so long is given up, in milliseconds. Default 30 000. */
  readonly silence?: number | undefined;
  /** A connection that brings fewer bytes a second over that time is given up as well. Default 1024. */
  readonly leastRate?: number | undefined;
  /** After so long the whole download is given up, in milliseconds; what arrived is kept. Default one hour. */
  readonly limit?: number | undefined;
}

export interface PulledFile {
  readonly file: PublicFile;
  readonly path: string;
  /** Whether it was in the cache already, so that nothing was fetched. */
  readonly cached: boolean;
}

const DEFAULT_LIMIT = 3_600_000;
const FULL_DISK = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** Makes a typed error of one of the file system's. */
function diskError(error: unknown, cacheDir: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (error instanceof PullError || typeof code !== "string") return error;
  if (FULL_DISK.has(code)) {
    return new PullError(
      "PULL_DISK_FULL",
      `The disk of ${cacheDir} is full (${code}). Make room or choose another folder with XDG_CACHE_HOME.`,
      { cause: error },
    );
  }
  return new PullError(
    "PULL_CACHE_UNWRITABLE",
    `${cacheDir} can not be used (${code}). Make it writable or choose another folder with XDG_CACHE_HOME.`,
    { cause: error },
  );
}

function findFile(name: string, registry: readonly PublicFile[]): PublicFile {
  const file = registry.find((candidate) => candidate.name === name);
  if (file) return file;
  const known = registry.map((candidate) => candidate.name).join(", ");
  throw new PullError(
    "PULL_UNKNOWN_NAME",
    `No public file is named ${quote(name)}. Known: ${known}.`,
  );
}

/**
 * One attempt: goes on with the part, checks it, publishes it. A part that turns out wrong is removed;
 * where it began in an earlier attempt, the next one starts afresh. What arrived by a broken connection is kept.
 */
async function attempt(
  file: PublicFile,
  finalPath: string,
  options: PullOptions & { readonly route: Route },
): Promise<void> {
  const part = await Part.open(finalPath, file);
  try {
    const size = await part.size();
    const report = (received: number) =>
      options.onProgress?.({ name: file.name, received, total: file.bytes });
    if (size < file.bytes) await download(file, part.handle, size, { ...options, report });
    if ((await isComplete(part.handle, file)) && (await part.publish(file))) return;
    await part.discard();
    const Failure = size > 0 ? TransientError : PullError;
    throw new Failure("PULL_WRONG_HASH", wrongHash(file));
  } catch (error) {
    if (error instanceof StalePartError) await part.discard();
    else await part.keep();
    throw error;
  } finally {
    await part.close();
  }
}

/** One attempt after the other, by the way that the environment names, as long as another may help. */
async function attempts(file: PublicFile, finalPath: string, options: PullOptions): Promise<void> {
  const { retries = 4, retryDelay = 500, signal } = options;
  const route = await openRoute();
  try {
    for (let tried = 0; ; tried++) {
      try {
        return await attempt(file, finalPath, { ...options, route });
      } catch (error) {
        if (!(error instanceof TransientError) || tried >= retries) throw error;
        await delay(retryDelay * 2 ** tried, undefined, { signal });
      }
    }
  } finally {
    await route.close();
  }
}

function wrongHash({ url, sha256 }: PublicFile): string {
  return (
    `What ${url} sends does not have the sha256 ${sha256}. It was deleted. The file was replaced or ` +
    "altered on the way: try another network, or fetch the weights yourself and name the file."
  );
}

/**
 * Fetches the public file `name` unless the cache has it, checks its size and sha256, and resumes what
 * an earlier call left. Nothing unfinished is ever under the final name.
 *
 * @throws PullError
 */
export async function pullWeights(name: string, options: PullOptions = {}): Promise<PulledFile> {
  const { registry = PUBLIC_FILES, cacheDir = cacheFolder(), limit = DEFAULT_LIMIT } = options;
  const file = findFile(name, registry);
  const finalPath = cachedPath(file, cacheDir);
  const expired = AbortSignal.timeout(limit);
  const signal = options.signal ? AbortSignal.any([options.signal, expired]) : expired;
  try {
    signal.throwIfAborted();
    await mkdir(cacheDir, { recursive: true });
    if (await isPublished(file, finalPath)) return { file, path: finalPath, cached: true };
    await attempts(file, finalPath, { ...options, signal });
    return { file, path: finalPath, cached: false };
  } catch (error) {
    if (options.signal?.aborted) {
      throw new PullError("PULL_ABORTED", "The download was stopped. Pull again to go on.", {
        cause: error,
      });
    }
    if (expired.aborted) {
      throw new PullError(
        "PULL_TOO_SLOW",
        `${file.url} took longer than ${limit / 1000} s. What arrived is kept: pull again to go on.`,
        { cause: error },
      );
    }
    throw diskError(error, cacheDir);
  }
}
