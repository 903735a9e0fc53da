import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { DataError } from "../errors.js";
import type { FindImage, SizeOf } from "./lookup.js";
import { uprightSizeOf } from "./orientation.js";
import type { DataPart } from "./spec.js";
import { storedSize } from "./stored-size.node.js";

const IMAGE_FILE = /\.(jpe?g|png|webp|bmp)$/i;

export function isDirectory(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

export function firstDirectory(candidates: readonly string[]): string | undefined {
  return candidates.find(isDirectory);
}

/** Names of the files in a folder that end so, sorted. */
export function filesEnding(directory: string, ending: RegExp): string[] {
  return readdirSync(directory)
    .filter((name) => ending.test(name))
    .sort();
}

/** Files in a folder and below whose names match, as paths from it with slashes, sorted. */
export function filesBelow(directory: string, pattern: RegExp): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && pattern.test(entry.name))
    .map(({ parentPath, name }) => path.relative(directory, path.join(parentPath, name)))
    .map((file) => file.split(path.sep).join("/"))
    .sort();
}

/** Images in a folder and below, as paths from it, sorted. */
export const imagesBelow = (directory: string) => filesBelow(directory, IMAGE_FILE);

/** Where the images of a label file are: the SPEC's folder, `images/` beside the file, or its own folder. */
export function imagesOf({ images }: DataPart, file: string): string {
  const folder = path.dirname(file);
  return images ?? firstDirectory([path.join(folder, "images")]) ?? folder;
}

/** Looks for images in a folder. */
export function findIn(folder: string): FindImage {
  return (candidates) => {
    const id = candidates.find((name) => name !== "" && existsSync(path.resolve(folder, name)));
    return id === undefined ? undefined : { id, image: path.resolve(folder, id) };
  };
}

/** Sizes of the pictures that a part's coordinates are of. */
export function sizesIn(folder: string, { orientation }: DataPart): SizeOf {
  return (name) => {
    const stored = storedSize(path.resolve(folder, name));
    if (!stored) return undefined;
    const { width, height } = stored;
    return orientation === "raw" ? { width, height } : uprightSizeOf(stored);
  };
}

/** @throws {DataError} where there is no such file */
export function needFile(file: string): void {
  if (!existsSync(file)) throw new DataError(`There is no label file ${file}: check the path.`);
}
