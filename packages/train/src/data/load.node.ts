import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { DataError } from "../errors.js";
import { parseCoco } from "./coco.js";
import { parseJsonl } from "./jsonl.js";
import { readText } from "./read-text.node.js";
import type { FaceRecord, Problem, ReadResult } from "./record.js";
import { mapClasses, parseClasses, splitRecords } from "./select.js";
import { type DataFormat, type DataPart, parseDataSpec } from "./spec.js";
import { parseVoc } from "./voc.js";
import { parseWider } from "./wider.js";

/** Everything a data SPEC names. */
export interface Dataset {
  readonly records: FaceRecord[];
  /** What was skipped, with file and line. */
  readonly problems: Problem[];
  /** The label files that were read. */
  readonly files: readonly string[];
}

type PartResult = ReadResult & { readonly files: readonly string[] };

const IMAGE_EXTENSIONS = [".jpg", ".jpeg", ".png", ".webp", ".bmp", ".JPG", ".JPEG", ".PNG"];

function isDirectory(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function firstDirectory(candidates: readonly string[]): string | undefined {
  return candidates.find(isDirectory);
}

function xmlFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => /\.xml$/i.test(name))
    .sort();
}

/** A VOC set's folder of XML files: the folder itself or its `annotations/` or `Annotations/`. */
function annotationsFolder(directory: string): string | undefined {
  const folder = firstDirectory(
    ["annotations", "Annotations"].map((name) => path.join(directory, name)),
  );
  if (folder) return folder;
  return xmlFiles(directory).length > 0 ? directory : undefined;
}

function recognise(target: string): DataFormat {
  if (isDirectory(target)) {
    if (annotationsFolder(target)) return "voc";
    if (existsSync(path.join(target, "label.txt"))) return "wider";
    throw new DataError(
      `Cannot tell what data ${target} holds: a folder needs annotations/*.xml (VOC) or label.txt ` +
        "(WIDER FACE); name a label file instead, such as coco:FILE or jsonl:FILE.",
    );
  }
  const format = { ".jsonl": "jsonl", ".json": "coco", ".txt": "wider" }[
    path.extname(target).toLowerCase()
  ];
  if (!format) {
    throw new DataError(
      `Cannot tell the label format of ${target}: put voc:, wider:, coco: or jsonl: before it.`,
    );
  }
  return format as DataFormat;
}

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
  const files = xmlFiles(annotations).map((name) => path.join(annotations, name));
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

const LABEL_PARSERS = { wider: parseWider, coco: parseCoco, jsonl: parseJsonl };

function readLabelFile(part: DataPart, format: keyof typeof LABEL_PARSERS): PartResult {
  const file = isDirectory(part.path) ? path.join(part.path, "label.txt") : part.path;
  if (!existsSync(file)) throw new DataError(`There is no label file ${file}: check the path.`);
  const folder = path.dirname(file);
  const besides = format === "wider" ? widerImages(file) : folder;
  const images =
    part.images ??
    (format === "coco" ? (firstDirectory([path.join(folder, "images")]) ?? folder) : besides);
  const text = readText(file);
  const result = LABEL_PARSERS[format](text, file, (name) => path.resolve(images, name));
  return { ...result, files: [file] };
}

/** Leaves out records whose image file is missing or that repeat an id, and says so. */
function checkRecords({ records, problems }: ReadResult, source: string): ReadResult {
  const seen = new Set<string>();
  const kept = records.filter(({ id, image }) => {
    const repeated = seen.has(id);
    seen.add(id);
    if (repeated) problems.push({ file: source, message: `the image ${id} is listed twice` });
    const missing = typeof image === "string" && !existsSync(image);
    if (missing) problems.push({ file: source, message: `there is no image ${image}` });
    return !repeated && !missing;
  });
  return { records: kept, problems };
}

function loadPart(part: DataPart): PartResult {
  if (!existsSync(part.path))
    throw new DataError(`There is no data at ${part.path}: check the path.`);
  const format = part.format === "auto" ? recognise(part.path) : part.format;
  const raw = format === "voc" ? readVoc(part) : readLabelFile(part, format as "wider");
  const { records: checked, problems } = checkRecords(raw, part.path);
  const mapped =
    part.classes === undefined ? checked : mapClasses(checked, parseClasses(part.classes));
  const split = part.split ? splitRecords(mapped, part.fraction, part.seed)[part.split] : mapped;
  return { records: split.slice(0, part.limit), problems, files: raw.files };
}

/**
 * Reads the labels of a data SPEC (see {@link parseDataSpec}); images are left on disk.
 * @throws {DataError} if a path does not exist, its format cannot be told, or no image remains.
 */
export function loadDataset(spec: string): Dataset {
  const parts = parseDataSpec(spec).map(loadPart);
  const records = parts.flatMap((part) => part.records);
  const problems = parts.flatMap((part) => part.problems);
  const files = parts.flatMap((part) => part.files);
  if (records.length === 0) {
    throw new DataError(
      `No usable image in the data ${spec} (${problems.length} problems): mend the labels, or choose other classes or another part.`,
    );
  }
  return { records, problems, files };
}
