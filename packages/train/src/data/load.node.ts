import { existsSync, readdirSync, statSync } from "node:fs";
import path from "node:path";
import { DataError } from "../errors.js";
import { checkSizes } from "./check-sizes.node.js";
import { parseCoco } from "./coco.js";
import { parseJsonl } from "./jsonl.js";
import { readText } from "./read-text.node.js";
import type { FaceRecord, Problem, ReadResult } from "./record.js";
import {
  type ClassFate,
  checkClasses,
  classFates,
  mapClasses,
  parseClasses,
  splitRecords,
} from "./select.js";
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
  /** What became of each class, where classes were chosen. */
  readonly classes: readonly ClassFate[];
  /** Boxes of the data that reach out of their pictures, and all of them. */
  readonly outside: { readonly boxes: number; readonly of: number };
}

type PartResult = ReadResult & { readonly files: readonly string[] };
type LoadedPart = PartResult & Pick<Dataset, "classes" | "outside">;

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

type ParseLabels = (...args: Parameters<typeof parseJsonl>) => ReadResult;

const LABEL_PARSERS: Readonly<Record<"wider" | "coco" | "jsonl", ParseLabels>> = {
  wider: parseWider,
  coco: parseCoco,
  jsonl: parseJsonl,
};

/** Label files of a format in a folder that was named instead of one. */
function labelFilesIn(directory: string, format: "coco" | "jsonl"): string[] {
  const extension = format === "coco" ? ".json" : ".jsonl";
  return ["", "annotations"]
    .map((name) => path.join(directory, name))
    .filter(isDirectory)
    .flatMap((folder) => readdirSync(folder).map((name) => path.join(folder, name)))
    .filter((file) => path.extname(file).toLowerCase() === extension)
    .sort();
}

/** @throws {DataError} for a folder where a format has one label file, naming those that lie in it */
function labelFileOf(part: DataPart, format: keyof typeof LABEL_PARSERS): string {
  if (!isDirectory(part.path)) return part.path;
  if (format === "wider") return path.join(part.path, "label.txt");
  const files = labelFilesIn(part.path, format);
  const found =
    files.length > 0
      ? `give one of those in it: ${files.map((file) => `${format}:${file}`).join(", ")}`
      : "there is none in it; give the file, and the images' folder behind a colon";
  throw new DataError(`${part.path} is a folder, and ${format} labels are one file: ${found}.`);
}

function readLabelFile(part: DataPart, format: keyof typeof LABEL_PARSERS): PartResult {
  const file = labelFileOf(part, format);
  if (!existsSync(file)) throw new DataError(`There is no label file ${file}: check the path.`);
  const folder = path.dirname(file);
  const besides = format === "wider" ? widerImages(file) : folder;
  const images =
    part.images ??
    (format === "coco" ? (firstDirectory([path.join(folder, "images")]) ?? folder) : besides);
  const text = readText(file);
  const { face, ignore } = part;
  const bands = face === undefined || ignore === undefined ? undefined : { face, ignore };
  const result = LABEL_PARSERS[format](text, file, (name) => path.resolve(images, name), bands);
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

/** A path that is not there and looks like a format: `yol:DIR`. */
function unknownFormat({ format, path: name, images }: DataPart): string {
  if (format !== "auto" || images === undefined || !/^[a-z]\w*$/i.test(name)) return "";
  return ` If "${name}" is meant as a format: there are voc, wider, coco and jsonl.`;
}

function loadPart(part: DataPart): LoadedPart {
  if (!existsSync(part.path))
    throw new DataError(`There is no data at ${part.path}: check the path.${unknownFormat(part)}`);
  const format = part.format === "auto" ? recognise(part.path) : part.format;
  const raw = format === "voc" ? readVoc(part) : readLabelFile(part, format as "wider");
  if (format !== "jsonl" && part.face !== undefined)
    throw new DataError("The data options face and ignore are for JSON lines: leave them out.");
  const present = checkRecords(raw, part.path);
  const sized = checkSizes(present.records, part.orientation);
  const { records, classes } = chooseClasses(sized.records, part.classes);
  const { fraction, seed, group } = part;
  const pattern = group === undefined ? undefined : new RegExp(group);
  const named = part.match === undefined ? undefined : new RegExp(part.match);
  const matching = named ? records.filter(({ id }) => named.test(id)) : records;
  const split = part.split ? splitRecords(matching, fraction, seed, pattern)[part.split] : matching;
  const boxes = sized.records.reduce((sum, { labels }) => sum + labels.length, 0);
  return {
    records: split.slice(0, part.limit),
    problems: [...present.problems, ...sized.problems],
    files: raw.files,
    classes,
    outside: { boxes: sized.outside, of: boxes },
  };
}

function chooseClasses(records: FaceRecord[], text: string | undefined) {
  if (text === undefined) return { records, classes: [] };
  const map = parseClasses(text);
  checkClasses(records, text);
  return { records: mapClasses(records, map), classes: classFates(records, map) };
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
  const sum = (key: "boxes" | "of") => parts.reduce((total, part) => total + part.outside[key], 0);
  return {
    records,
    problems,
    files,
    classes: parts.flatMap((part) => part.classes),
    outside: { boxes: sum("boxes"), of: sum("of") },
  };
}
