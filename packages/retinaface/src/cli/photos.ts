import { stat } from "node:fs/promises";
import path from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { RetinaFaceError } from "../errors.js";
import { identityOfSync } from "./outputs.js";

/** A photo to look at, or why an argument names none. */
export interface Photo {
  file: string;
  error?: RetinaFaceError;
}

/**
 * Image files in a folder. Formats that are not decoded are among them: each gets its error line,
 * where leaving it out would look like a photo without faces.
 */
const IN_FOLDERS = "**/*.{jpg,jpeg,jpe,jfif,png,webp,heic,heif,avif,jxl,gif,bmp,tif,tiff}" as const;

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
    const found = await glob(IN_FOLDERS, { cwd: argument, caseSensitiveMatch: false });
    return named(
      argument,
      found.map((file) => path.join(argument, file)),
      "there is no image in this folder or below",
    );
  }
  if (!isDynamicPattern(argument)) return [{ file: argument }];
  return named(argument, await glob(argument), "no file matches this pattern");
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
 * Names for annotated copies in a folder: `photo.png` for `photo.jpg`, numbered where two photos
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

  next(file: string): string {
    const { name } = path.parse(file);
    for (let n = 1; ; n++) {
      const candidate = path.join(this.folder, n === 1 ? `${name}.png` : `${name}-${n}.png`);
      const key = path.resolve(candidate).toLowerCase();
      if (this.#taken.has(key) || this.#photos.has(identityOfSync(candidate))) continue;
      this.#taken.add(key);
      return candidate;
    }
  }
}
