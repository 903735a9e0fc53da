import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import path from "node:path";
import { RetinaFaceError } from "../errors.js";

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full: make room or write elsewhere",
  EDQUOT: "the disk quota is used up: make room or write elsewhere",
  EFBIG: "the file is larger than is allowed here: write elsewhere",
  EROFS: "the file system is read-only: write elsewhere",
  EACCES: "permission denied: make the folder writable or write elsewhere",
  EPERM: "permission denied: make the folder writable or write elsewhere",
  ENOENT: "there is no such folder",
  ENOTDIR: "there is no such folder",
  EISDIR: "it is a folder",
};

/** A result that could not be written; what was there before is untouched. */
export class WriteError extends RetinaFaceError {
  constructor(file: string, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    super("WRITE_FAILED", `cannot write ${file}: ${REMEDIES[code ?? ""] ?? message}`, { cause });
  }
}

/**
 * Writes a file whole or not at all: to a temporary neighbour first, which then takes its name.
 *
 * @throws WriteError; nothing is left behind.
 */
export async function writeFileAtomic(file: string, bytes: Uint8Array): Promise<void> {
  const suffix = randomBytes(4).toString("hex");
  const temporary = path.join(path.dirname(file), `.${path.basename(file)}.${suffix}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "wx");
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
    await rename(temporary, file);
  } catch (cause) {
    await handle?.close().catch(() => undefined);
    if (handle !== undefined) await unlink(temporary).catch(() => undefined);
    throw new WriteError(file, cause);
  }
}
