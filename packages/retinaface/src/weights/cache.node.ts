import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import type { PublicFile } from "./registry.js";

const APPLICATION = "retinaface-webgpu";

/** Environment variables, as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The user's cache folder for this library: `XDG_CACHE_HOME` where it is set, else what the system
 * prescribes (`~/Library/Caches`, `%LOCALAPPDATA%`, `~/.cache`). It need not exist.
 */
export function cacheFolder(
  env: Environment = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  const join = platform === "win32" ? path.win32.join : path.posix.join;
  const base = env.XDG_CACHE_HOME || systemCacheFolder(env, platform, home);
  return join(base, APPLICATION);
}

function systemCacheFolder(env: Environment, platform: NodeJS.Platform, home: string): string {
  if (platform === "darwin") return path.posix.join(home, "Library", "Caches");
  if (platform !== "win32") return path.posix.join(home, ".cache");
  return env.LOCALAPPDATA || path.win32.join(home, "AppData", "Local");
}

/** Where a public file lies in the cache once it is complete. */
export function cachedPath(file: PublicFile, cacheDir: string): string {
  const extension = path.posix.extname(new URL(file.url).pathname);
  return path.join(cacheDir, `${file.name}${extension}`);
}

/** sha256 of an open file from its start, in hexadecimal. */
export async function hashFile(handle: FileHandle): Promise<string> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(2 ** 16);
  for (let position = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
}
