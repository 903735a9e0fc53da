import type { Dirent } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { ReadError, RetinaFaceError } from "../errors.js";
import { identityOfSync } from "./outputs.js";

/** A photo to look at, or why an argument names none. */
export interface Photo {
  file: string;
  error?: RetinaFaceError;
}

/**
 * Image files in a folder. Formats that are not decoded are among them: each gets its error line,
 * where leaving it out would look like a photo without faces. So does a link that leads nowhere.
 */
const IN_FOLDERS = /\.(jpe?g|jpe|jfif|png|webp|hei[cf]|avif|jxl|gif|bmp|tiff?)$/i;

const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

async function isFolder(file: string): Promise<boolean | undefined> {
  try {
    return (await stat(file)).isDirectory();
  } catch {
    return undefined;
  }
}

async function expand(argument: string): Promise<Photo[]> {
  const folder = await isFolder(argument);
  if (folder === false) return [{ file: argument }];
  if (folder === true) {
    const found = await imagesBelow(argument, []);
    return found.length > 0
      ? found.sort((a, b) => byName(a.file, b.file))
      : named(argument, [], "there is no image in this folder or below");
  }
  const { glob, isDynamicPattern } = await import("tinyglobby");
  if (!isDynamicPattern(argument)) return [{ file: argument }];
  return named(argument, await glob(argument), "no file matches this pattern");
}

/**
 * The images in a folder and below, hidden ones left out. Not by a pattern: there a folder's own name would be read as one,
 * and a backslash in it as a slash.
 *
 * @param above real paths of the folders on the way here; a link back to one of them is not followed
 */
async function imagesBelow(folder: string, above: readonly string[]): Promise<Photo[]> {
  let entries: Dirent[];
  let real: string;
  try {
    real = await realpath(folder);
    if (above.includes(real)) return [];
    entries = await readdir(folder, { withFileTypes: true });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const reason = code === "EACCES" ? "permission denied" : message;
    return [{ file: folder, error: new ReadError(`cannot read the folder: ${reason}`, { cause }) }];
  }
  const found: Photo[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith(".")) continue;
    const file = path.join(folder, entry.name);
    const below = entry.isDirectory() || (entry.isSymbolicLink() && (await isFolder(file)));
    if (below) found.push(...(await imagesBelow(file, [...above, real])));
    else if (IN_FOLDERS.test(entry.name)) found.push({ file, error: notAFile(entry, file) });
  }
  return found;
}

/** A pipe in a folder would be waited for; one that is named is meant. */
function notAFile(entry: Dirent, file: string): ReadError | undefined {
  if (entry.isFile() || entry.isSymbolicLink()) return undefined;
  return new ReadError(`cannot read ${file}: it is not a file`);
}

function named(argument: string, files: string[], otherwise: string): Photo[] {
  if (files.length > 0) return files.sort(byName).map((file) => ({ file }));
  return [{ file: argument, error: new RetinaFaceError("NO_IMAGES", otherwise) }];
}

/**
 * The photos that arguments name, in their order: files, folders (images in them and below, by
 * name) and glob patterns (by name). A file that does not exist is passed on, to fail on its own.
 */
export async function findPhotos(args: readonly string[]): Promise<Photo[]> {
  return (await Promise.all(args.map(expand))).flat();
}

/**
 * Names for copies in a folder: `photo.png` for `photo.jpg`, numbered where two photos
 * share a name or where it would overwrite one of the photos, under whatever name that is found there: through a link to
 * the folder, or as a link into it. Letter case makes no difference, as on macOS and Windows.
 */
export class OutputNames {
  readonly #taken: Set<string>;
  readonly #photos: Set<string | undefined>;

  constructor(
    private readonly folder: string,
    photos: readonly Photo[],
  ) {
    this.#taken = new Set(photos.map(({ file }) => path.resolve(file).toLowerCase()));
    this.#photos = new Set(photos.map(({ file }) => identityOfSync(file)));
    this.#photos.delete(undefined);
  }

  /** @param extension with its dot */
  next(file: string, extension = ".png"): string {
    const { name } = path.parse(file);
    for (let n = 1; ; n++) {
      const candidate = path.join(this.folder, `${name}${n === 1 ? "" : `-${n}`}${extension}`);
      const key = path.resolve(candidate).toLowerCase();
      if (this.#taken.has(key) || this.#photos.has(identityOfSync(candidate))) continue;
      this.#taken.add(key);
      return candidate;
    }
  }
}
