import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const folder = process.env.RETINAFACE_SHARED || path.join(repository, "../shared");

/** The location of `file` of the shared folder on this machine, for programs that take a path. */
export function sharedPath(file: string): string {
  return path.resolve(folder, file);
}

/** Whether the shared folder holds this file or folder. */
export function sharedExists(file: string): boolean {
  return existsSync(sharedPath(file));
}

/** The bytes of a file of the shared folder. */
export async function readShared(file: string): Promise<Uint8Array> {
  const bytes = await readFile(sharedPath(file));
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Sorted names in a folder of the shared folder; folders end in `/`. */
export async function listShared(file: string): Promise<string[]> {
  const entries = await readdir(sharedPath(file), { withFileTypes: true });
  return entries.map((entry) => entry.name + (entry.isDirectory() ? "/" : "")).sort();
}
