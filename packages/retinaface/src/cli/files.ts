import { randomBytes } from "node:crypto";
import { type FileHandle, link, open, rename, unlink } from "node:fs/promises";
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
  ENAMETOOLONG: "the name is too long: give a shorter one",
  EINVAL: "it is no file that can be replaced: write elsewhere",
};

/** A result that could not be written; what was there before is untouched. */
export class WriteError extends RetinaFaceError {
  constructor(file: string, cause: unknown) {
    const { code, message } = cause as NodeJS.ErrnoException;
    super("WRITE_FAILED", `cannot write ${file}: ${REMEDIES[code ?? ""] ?? message}`, { cause });
  }
}

/** A result would take the place of a file that this run did not write. */
export class OutputExistsError extends RetinaFaceError {
  /** @param more how many further outputs are there as well */
  constructor(file: string, more = 0) {
    const others = more > 0 ? ` (and ${more} more)` : "";
    super(
      "OUTPUT_EXISTS",
      `${file} is there already${others}: give --overwrite to replace it, or another place`,
    );
  }
}

/** What systems answer whose file systems have no hard links. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EINVAL"]);

export interface WriteFileOptions {
  /** Replace the file that is there. Default true; else one that is there is an error. */
  readonly replace?: boolean | undefined;
}

/**
 * Writes a file whole or not at all: to a temporary neighbour first, which then takes its name. The neighbour's name is
 * short, so that every name that a file may have can be written.
 *
 * @throws WriteError, OutputExistsError; nothing is left behind.
 */
export async function writeFileAtomic(
  file: string,
  bytes: Uint8Array,
  { replace = true }: WriteFileOptions = {},
): Promise<void> {
  const temporary = path.join(path.dirname(file), `.${randomBytes(6).toString("hex")}.tmp`);
  let handle: FileHandle | undefined;
  try {
    handle = await open(temporary, "wx");
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
    if (replace) await rename(temporary, file);
    else await publishNew(temporary, file);
  } catch (cause) {
    await handle?.close().catch(() => undefined);
    if (handle !== undefined) await unlink(temporary).catch(() => undefined);
    if (!replace && (cause as NodeJS.ErrnoException).code === "EEXIST") {
      throw new OutputExistsError(file);
    }
    throw new WriteError(file, cause);
  }
}

/**
 * Gives a finished file its name unless another has it: by a hard link, which never replaces anything. Without hard links
 * the name is taken first, by a file that is still empty.
 */
async function publishNew(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
    await (await open(file, "wx")).close();
    await rename(temporary, file).catch(async (cause) => {
      await unlink(file).catch(() => undefined);
      throw cause;
    });
    return;
  }
  await unlink(temporary).catch(() => undefined);
}
