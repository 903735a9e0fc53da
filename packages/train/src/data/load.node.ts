import { existsSync } from "node:fs";
import { DataError } from "../errors.js";
import { checkSizes } from "./check-sizes.node.js";
import { FORMAT_LIST } from "./formats.js";
import { type PartResult, readPart } from "./read-part.node.js";
import { recognise } from "./recognise.node.js";
import type { FaceRecord, Problem, ReadResult } from "./record.js";
import { type ClassFate, checkClasses, classFates, mapClasses, parseClasses } from "./select.js";
import { checkOptions, type DataPart, parseDataSpec } from "./spec.js";
import { splitRecords } from "./split.js";
import { type Unpacked, unpackPart } from "./unpack.node.js";

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
  /** Archives among the data, and where they were unpacked. */
  readonly unpacked: readonly Unpacked[];
}

type LoadedPart = PartResult & Pick<Dataset, "classes" | "outside" | "unpacked">;

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
  return ` If "${name}" is meant as a format: there are ${FORMAT_LIST}.`;
}

function loadPart(named: DataPart): LoadedPart {
  const { part: given, unpacked } = unpackPart(named);
  if (!existsSync(given.path))
    throw new DataError(
      `There is no data at ${given.path}: check the path.${unknownFormat(given)}`,
    );
  const found = given.format === "auto" ? recognise(given.path) : undefined;
  const format = found?.format ?? (given.format as Exclude<DataPart["format"], "auto">);
  const part = found ? { ...given, path: found.path } : given;
  checkOptions(part, format);
  const raw = readPart(part, format);
  const present = checkRecords(raw, part.path);
  const sized = checkSizes(present.records, part.orientation);
  const chosen = chooseClasses(sized.records, part.classes);
  const kept = chosenRecords(sized.records, part);
  const boxes = sized.records.reduce((sum, { labels }) => sum + labels.length, 0);
  return {
    records: chosen.records.filter((_, i) => kept.has(sized.records[i])).slice(0, part.limit),
    problems: [...present.problems, ...sized.problems],
    files: [...raw.files, ...unpacked.map(({ archive }) => archive)],
    classes: chosen.classes,
    outside: { boxes: sized.outside, of: boxes },
    unpacked,
  };
}

/** The records that a part's pattern matches, of its side of its split, by classes as the labels name them. */
function chosenRecords(all: readonly FaceRecord[], part: DataPart): ReadonlySet<FaceRecord> {
  const { fraction, seed, group, stratify, match } = part;
  const wanted = match === undefined ? undefined : new RegExp(match);
  const records = wanted ? all.filter(({ id }) => wanted.test(id)) : all;
  if (!part.split) return new Set(records);
  const pattern = (text: string | undefined) => (text === undefined ? text : new RegExp(text));
  const sides = splitRecords(records, fraction, seed, {
    group: pattern(group),
    stratify: stratify === "class" ? stratify : pattern(stratify),
  });
  return new Set(sides[part.split]);
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
    unpacked: parts.flatMap((part) => part.unpacked),
  };
}
