import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, rename, unlink } from "node:fs/promises";
import path from "node:path";
import { hashFile } from "./cache.node.js";
import type { PublicFile } from "./registry.js";

/**
 * What has arrived of a download, in a file that no other process writes to: `NAME.PID.RANDOM.part`. A download that
 * ends early leaves it as `NAME.part`. A later one takes that, or what a killed process left, by renaming it to a
 * name of its own, which only one process can; whoever finds none starts afresh. Links are never written through.
 */
export class Part {
  /** @param handle for reading and writing */
  private constructor(
    readonly handle: FileHandle,
    readonly path: string,
    private readonly finalPath: string,
  ) {}

  /** Takes over what an earlier download left of the file, or begins a part. */
  static async open(finalPath: string, file: PublicFile): Promise<Part> {
    for (const left of await leftBehind(finalPath)) {
      const taken = await takeOver(left, finalPath, file);
      if (taken) return taken;
    }
    const own = ownPath(finalPath);
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW;
    return new Part(await open(own, flags, 0o644), own, finalPath);
  }

  /** @internal */
  static at(handle: FileHandle, own: string, finalPath: string): Part {
    return new Part(handle, own, finalPath);
  }

  async size(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  /** Flushes a complete part, gives it the file's name, and looks at what then has that name. */
  async publish(file: PublicFile): Promise<boolean> {
    await this.handle.sync();
    await rename(this.path, this.finalPath);
    return isPublished(file, this.finalPath);
  }

  /** Leaves what has arrived for a later download. */
  async keep(): Promise<void> {
    if ((await this.size()) === 0) return this.discard();
    await rename(this.path, `${this.finalPath}.part`).catch(() => undefined);
  }

  async discard(): Promise<void> {
    await unlink(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
    });
  }

  close(): Promise<void> {
    return this.handle.close();
  }
}

/** Windows has no such flag, nor links that anybody may make. */
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;

function ownPath(finalPath: string): string {
  return `${finalPath}.${process.pid}.${randomBytes(4).toString("hex")}.part`;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/** Parts without a process that writes to them. */
async function leftBehind(finalPath: string): Promise<string[]> {
  const folder = path.dirname(finalPath);
  const start = `${path.basename(finalPath)}.`;
  const names = (await readdir(folder)).filter((name) => name.startsWith(start));
  const free = names.filter((name) => {
    const rest = name.slice(start.length);
    const pid = /^(\d{1,10})\.[0-9a-f]{8}\.part$/.exec(rest)?.[1];
    return rest === "part" || (pid !== undefined && !isAlive(Number(pid)));
  });
  return free.map((name) => path.join(folder, name));
}

/** Makes a part one's own. What is no plain file, or has another name elsewhere, is left alone; what is too long goes. */
async function takeOver(
  left: string,
  finalPath: string,
  file: PublicFile,
): Promise<Part | undefined> {
  const found = await lstat(left).catch(() => undefined);
  if (!found?.isFile() || found.nlink > 1) return undefined;
  const own = ownPath(finalPath);
  let handle: FileHandle;
  try {
    await rename(left, own);
    handle = await open(own, constants.O_RDWR | NO_FOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ELOOP") return undefined;
    throw error;
  }
  const part = Part.at(handle, own, finalPath);
  if ((await part.size()) <= file.bytes) return part;
  await part.close();
  await part.discard();
  return undefined;
}

/** Whether an open file has the registered size and sha256. */
export async function isComplete(handle: FileHandle, file: PublicFile): Promise<boolean> {
  return (await handle.stat()).size === file.bytes && (await hashFile(handle)) === file.sha256;
}

/** Whether the registered file has its final name. */
export async function isPublished(file: PublicFile, finalPath: string): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(finalPath, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  try {
    return await isComplete(handle, file);
  } finally {
    await handle.close();
  }
}
