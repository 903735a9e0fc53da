import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { unzipSync } from "fflate";
import { cacheFolder, whyUnreadable } from "retinaface-webgpu/node";
import { DataError } from "../errors.js";
import { isDirectory } from "./folders.node.js";
import type { DataPart } from "./spec.js";

/*
 * Archives are unpacked once into the user's cache, by their contents: threads that make samples read images as files, and
 * a data set is gone through many times.
 */

/** An archive of a data set. */
export interface Unpacked {
  readonly archive: string;
  readonly folder: string;
  /** False where it was there from an earlier run. */
  readonly fresh: boolean;
}

/** Node reads no larger file at once. */
const MOST_BYTES = 2 ** 31 - 1;
/** Photos hardly shrink: a larger archive that grows more than this is made to fill disks. */
const MOST_TIMES = 20;
const FLOOR_BYTES = 2 ** 28;
/** Inflated at a time. */
const BATCH_BYTES = 2 ** 27;

/** What systems and programs add to archives. */
const LITTER = /(^|\/)(__MACOSX|\.DS_Store|Thumbs\.db)(\/|$)/;

const ARCHIVE = /^(.*?\.zip)(?:[\\/](.*))?$/i;

interface Entry {
  readonly name: string;
  readonly size: number;
}

function readArchive(archive: string): Uint8Array {
  if (statSync(archive).size > MOST_BYTES) {
    throw new DataError(
      `${archive} is larger than 2 GiB: unpack it yourself, and give the folder.`,
    );
  }
  try {
    return readFileSync(archive);
  } catch (cause) {
    throw new DataError(`Cannot read ${archive}: ${whyUnreadable(cause)}.`, { cause });
  }
}

/** @throws {DataError} where a name leads out of the folder that is unpacked into */
function checkName(name: string, archive: string): void {
  const parts = name.split(/[\\/]/);
  if (!parts.includes("..") && !/^([\\/]|[A-Za-z]:)/.test(name) && !name.includes("\0")) return;
  throw new DataError(
    `${archive} holds ${JSON.stringify(name)}, which leads out of its folder: it is not unpacked.`,
  );
}

function inflate(bytes: Uint8Array, archive: string, filter: (entry: Entry) => boolean) {
  try {
    return unzipSync(bytes, {
      filter: ({ name, originalSize }) => filter({ name, size: originalSize }),
    });
  } catch (cause) {
    const why = (cause as Error).message;
    throw new DataError(`${archive} cannot be unpacked (${why}): is it a whole ZIP archive?`, {
      cause,
    });
  }
}

function listEntries(bytes: Uint8Array, archive: string): Entry[] {
  const entries: Entry[] = [];
  inflate(bytes, archive, (entry) => {
    if (!entry.name.endsWith("/") && !LITTER.test(entry.name)) entries.push(entry);
    return false;
  });
  for (const { name } of entries) checkName(name, archive);
  if (entries.length === 0) throw new DataError(`${archive} holds no file.`);
  return entries;
}

function checkRoom(entries: readonly Entry[], bytes: Uint8Array, archive: string, folder: string) {
  const total = entries.reduce((sum, { size }) => sum + size, 0);
  const limit = Math.max(FLOOR_BYTES, bytes.length * MOST_TIMES);
  if (total > limit) {
    throw new DataError(
      `${archive} of ${bytes.length} bytes would unpack to ${total}: if you trust it, unpack it yourself.`,
    );
  }
  const { bavail, bsize } = statfsSync(folder);
  if (total > bavail * bsize) {
    throw new DataError(
      `${archive} unpacks to ${total} bytes, and ${folder} has room for ${bavail * bsize}: make room, or set ` +
        "XDG_CACHE_HOME to a folder elsewhere.",
    );
  }
}

/** Entries in groups that are inflated together. */
function batchesOf(entries: readonly Entry[]): Set<string>[] {
  const batches: Set<string>[] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const { name, size } of entries) {
    if (bytes + size > BATCH_BYTES) {
      batches.push(new Set());
      bytes = 0;
    }
    batches[batches.length - 1].add(name);
    bytes += size;
  }
  return batches;
}

function writeEntries(bytes: Uint8Array, archive: string, folder: string): void {
  const entries = listEntries(bytes, archive);
  checkRoom(entries, bytes, archive, folder);
  for (const names of batchesOf(entries)) {
    const files = inflate(bytes, archive, ({ name }) => names.has(name));
    for (const [name, data] of Object.entries(files)) {
      const file = path.join(folder, name);
      mkdirSync(path.dirname(file), { recursive: true });
      writeFileSync(file, data);
    }
  }
}

/** Unpacks an archive once; what was begun and not finished does not count. */
function unpack(archive: string): Unpacked {
  const bytes = readArchive(archive);
  const digest = createHash("sha256").update(bytes).digest("hex");
  const folder = path.join(cacheFolder(), "archives", digest.slice(0, 32));
  if (existsSync(folder)) return { archive, folder, fresh: false };
  const part = `${folder}.${process.pid}.part`;
  try {
    mkdirSync(part, { recursive: true });
    writeEntries(bytes, archive, part);
    renameSync(part, folder);
  } catch (cause) {
    rmSync(part, { recursive: true, force: true });
    if (cause instanceof DataError) throw cause;
    if (existsSync(folder)) return { archive, folder, fresh: false };
    const why = (cause as Error).message;
    throw new DataError(
      `Cannot unpack ${archive} into ${folder}: ${why}. Set XDG_CACHE_HOME to a folder that can be written.`,
      { cause },
    );
  }
  return { archive, folder, fresh: true };
}

/** Archives often hold one folder with everything in it. */
function innermost(folder: string): string {
  const names = readdirSync(folder);
  const only = names.length === 1 ? path.join(folder, names[0]) : folder;
  const holdsLabels = /^(annotations|images|labels|train|val|test)$/i.test(names[0] ?? "");
  return only !== folder && isDirectory(only) && !holdsLabels ? innermost(only) : folder;
}

/** A part whose paths may lie in archives, `set.zip` or `set.zip/labels.csv`, with paths of what was unpacked. */
export function unpackPart(part: DataPart): {
  readonly part: DataPart;
  readonly unpacked: readonly Unpacked[];
} {
  const unpacked = new Map<string, Unpacked>();
  const resolve = (given: string): string => {
    const [, archive, inner] = ARCHIVE.exec(given) ?? [];
    if (archive === undefined || !existsSync(archive) || isDirectory(archive)) return given;
    const known = unpacked.get(archive) ?? unpack(archive);
    unpacked.set(archive, known);
    const root = innermost(known.folder);
    if (inner === undefined || inner === "") return root;
    return (
      [root, known.folder].map((base) => path.join(base, inner)).find(existsSync) ??
      path.join(root, inner)
    );
  };
  const moved = {
    ...part,
    path: resolve(part.path),
    ...(part.images !== undefined && { images: resolve(part.images) }),
  };
  return { part: moved, unpacked: [...unpacked.values()] };
}
