import { readdirSync, statSync } from "node:fs";
import path from "node:path";
import { DataError, type Problem } from "@retinaface-webgpu/train";
import { findPhotos } from "retinaface-webgpu/node";
import type { IdentityImage } from "./split.js";

/** Pictures by whom they show. */
export interface IdentityFolder {
  /** By identity, then by name. */
  readonly images: readonly IdentityImage[];
  /** What could not be read. */
  readonly problems: readonly Problem[];
}

/**
 * Reads a folder with a folder for each identity: every picture in it and below shows that person or animal.
 *
 * @throws {DataError} where the folder cannot be read or no folder in it has a picture
 */
export async function readIdentities(folder: string): Promise<IdentityFolder> {
  const images: IdentityImage[] = [];
  const problems: Problem[] = [];
  for (const identity of foldersIn(folder)) {
    const own = path.join(folder, identity);
    for (const { file, error } of await findPhotos([own])) {
      if (error) problems.push({ file, message: error.message });
      else
        images.push({ file, identity, name: path.relative(own, file).split(path.sep).join("/") });
    }
  }
  if (images.length === 0) {
    throw new DataError(
      `There is no picture of anybody in ${folder}: it needs a folder for each identity, with pictures in it.`,
    );
  }
  return { images, problems };
}

/** Names of the folders in a folder, hidden ones left out. */
function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith("."))
      .filter((name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.isDirectory())
      .sort();
  } catch (cause) {
    throw new DataError(
      `The folder ${folder} cannot be read (${(cause as Error).message}): give one with a folder for each identity.`,
      { cause },
    );
  }
}
