import { randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { readText } from "../data/read-text.node.js";
import { DataError, FormatError } from "../errors.js";
import type { Detections } from "./detections.js";
import { parseWiderValidation, type WiderImage, widerKey } from "./wider.js";
import { formatWiderDetections, parseWiderDetections } from "./wider-text.js";

/**
 * Reads the four official files of a folder.
 * @throws {DataError} if one is absent.
 */
export function readWiderValidation(folder: string): WiderImage[] {
  const read = (name: string) => {
    const file = path.join(folder, `wider_${name}_val.mat`);
    try {
      return readFileSync(file);
    } catch (error) {
      throw new DataError(
        `Cannot read ${file}: WIDER FACE's evaluation needs its official ground truth, four .mat files.`,
        { cause: error },
      );
    }
  };
  return parseWiderValidation({
    face: read("face"),
    easy: read("easy"),
    medium: read("medium"),
    hard: read("hard"),
  });
}

/**
 * Where an image's detections go: `folder/event/name.txt`.
 * @throws {FormatError} for names that would lead out of the folder; they come from a file.
 */
export function widerFile(
  folder: string,
  { event, name }: Pick<WiderImage, "event" | "name">,
): string {
  for (const part of [event, name]) {
    if (/^\.{0,2}$|[\\/\0]/.test(part)) {
      throw new FormatError(
        `${JSON.stringify(part)} is no name of an event or image: the .mat files are not WIDER FACE's own`,
      );
    }
  }
  return path.join(folder, event, `${name}.txt`);
}

/** Writes `folder/event/name.txt` whole or not at all; one that is there is replaced. */
export function writeWiderDetections(
  folder: string,
  image: Pick<WiderImage, "event" | "name">,
  detections: Detections,
): void {
  const file = widerFile(folder, image);
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = path.join(path.dirname(file), `.${randomBytes(6).toString("hex")}.tmp`);
  writeFileSync(temporary, formatWiderDetections(image.name, detections), { flag: "wx" });
  renameSync(temporary, file);
}

/**
 * Reads every `event/name.txt` of a submission folder, keyed as {@link widerKey} does. The file's name
 * counts, since the first line is written with and without folder and extension.
 */
export function readWiderDetections(folder: string): Map<string, Detections> {
  const predictions = new Map<string, Detections>();
  if (!existsSync(folder)) throw new DataError(`There is no submission at ${folder}.`);
  const events = readdirSync(folder, { withFileTypes: true }).filter((e) => e.isDirectory());
  for (const { name: event } of events) {
    for (const entry of readdirSync(path.join(folder, event)).sort()) {
      if (!entry.endsWith(".txt")) continue;
      const file = path.join(folder, event, entry);
      const { detections } = parseWiderDetections(readText(file), file);
      predictions.set(widerKey({ event, name: entry.slice(0, -4) }), detections);
    }
  }
  return predictions;
}
