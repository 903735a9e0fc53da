import { existsSync } from "node:fs";
import path from "node:path";
import { DataError } from "../errors.js";
import { parseCoco } from "./coco.js";
import { parseCsv } from "./csv.js";
import { parseCvat } from "./cvat.js";
import {
  filesEnding,
  findIn,
  firstDirectory,
  imagesOf,
  isDirectory,
  needFile,
  sizesIn,
} from "./folders.node.js";
import type { DataFormat } from "./formats.js";
import { parseJsonl } from "./jsonl.js";
import { parseLabelStudio } from "./label-studio.js";
import { parseClassDescriptions, parseOpenImages } from "./open-images.js";
import { readText } from "./read-text.node.js";
import { readYolo } from "./read-yolo.node.js";
import { annotationsFolder, labelFilesIn } from "./recognise.node.js";
import type { ReadResult } from "./record.js";
import type { DataPart } from "./spec.js";
import { parseVoc } from "./voc.js";
import { parseWider } from "./wider.js";

/** What a part of a SPEC holds, before classes and splits. */
export type PartResult = ReadResult & { readonly files: readonly string[] };

const IMAGE_EXTENSIONS = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".JPG", ".JPEG", ".PNG"];

function readVoc(part: DataPart): PartResult {
  const annotations = isDirectory(part.path) ? annotationsFolder(part.path) : undefined;
  if (!annotations)
    throw new DataError(
      `No XML annotations in the folder ${part.path}: give the folder that holds them or their "annotations".`,
    );
  const beside = annotations === part.path ? annotations : path.dirname(annotations);
  const images =
    part.images ??
    firstDirectory(["images", "JPEGImages"].map((name) => path.join(beside, name))) ??
    beside;
  const files = filesEnding(annotations, /\.xml$/i).map((name) => path.join(annotations, name));
  const result: PartResult = { records: [], problems: [], files };
  for (const file of files) {
    const stem = path.basename(file, path.extname(file));
    const { records, problems } = parseVoc(readText(file), file, (filename) => {
      const named = filename === "" ? [] : [path.basename(filename)];
      const candidates = [...named, ...IMAGE_EXTENSIONS.map((extension) => stem + extension)];
      const id = candidates.find((candidate) => existsSync(path.join(images, candidate)));
      return id === undefined ? undefined : { id, image: path.join(images, id) };
    });
    result.records.push(...records);
    result.problems.push(...problems);
  }
  return result;
}

/** Where WIDER FACE's archives unpack to, seen from the label file. */
function widerImages(file: string): string {
  const folder = path.dirname(file);
  const split = /train/i.test(path.basename(file)) ? "WIDER_train" : "WIDER_val";
  const candidates = [
    path.join(folder, "images"),
    path.join(folder, "..", split, "images"),
    path.join(folder, split, "images"),
  ];
  return firstDirectory(candidates) ?? candidates[0];
}

/** Class descriptions that lie beside Open Images' boxes. */
function classDescriptions(file: string): Map<string, string> {
  const folder = path.dirname(file);
  const [name] = filesEnding(folder, /class-descriptions.*\.csv$/i);
  if (name === undefined) return new Map();
  const descriptions = path.join(folder, name);
  return parseClassDescriptions(readText(descriptions), descriptions);
}

type FileReader = (text: string, file: string, part: DataPart) => ReadResult;

const inFolder = (folder: string) => (name: string) => path.resolve(folder, name);

/** Readers of the formats that have one label file. */
const FILE_READERS: Readonly<Record<Exclude<DataFormat, "auto" | "voc" | "yolo">, FileReader>> = {
  wider: (text, file, { images }) => parseWider(text, file, inFolder(images ?? widerImages(file))),
  coco: (text, file, part) => parseCoco(text, file, inFolder(imagesOf(part, file))),
  jsonl: (text, file, { images, face, ignore }) => {
    const bands = face === undefined || ignore === undefined ? undefined : { face, ignore };
    return parseJsonl(text, file, inFolder(images ?? path.dirname(file)), bands);
  },
  csv: (text, file, part) => {
    const images = imagesOf(part, file);
    return parseCsv(text, file, inFolder(images), sizesIn(images, part), part);
  },
  openimages: (text, file, part) => {
    const images = imagesOf(part, file);
    const names = classDescriptions(file);
    return parseOpenImages(text, file, findIn(images), sizesIn(images, part), names);
  },
  labelstudio: (text, file, part) => parseLabelStudio(text, file, findIn(imagesOf(part, file))),
  cvat: (text, file, part) => parseCvat(text, file, findIn(imagesOf(part, file))),
};

/** @throws {DataError} for a folder where a format has one label file, naming those that lie in it */
function labelFileOf({ path: target }: DataPart, format: keyof typeof FILE_READERS): string {
  if (!isDirectory(target)) return target;
  if (format === "wider") return path.join(target, "label.txt");
  const files = labelFilesIn(target, format);
  const found =
    files.length > 0
      ? `give one of those in it: ${files.map((file) => `${format}:${file}`).join(", ")}`
      : "there is none in it; give the file, and the images' folder behind a colon";
  throw new DataError(`${target} is a folder, and ${format} labels are one file: ${found}.`);
}

/** Reads all that a part names. @throws {DataError} where its label file is not there, or cannot be used at all */
export function readPart(part: DataPart, format: Exclude<DataFormat, "auto">): PartResult {
  if (format === "voc") return readVoc(part);
  if (format === "yolo") return readYolo(part);
  const file = labelFileOf(part, format);
  needFile(file);
  return { ...FILE_READERS[format](readText(file), file, part), files: [file] };
}
