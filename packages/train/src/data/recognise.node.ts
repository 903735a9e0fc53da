import { closeSync, existsSync, openSync, readSync } from "node:fs";
import path from "node:path";
import { DataError } from "../errors.js";
import { filesBelow, filesEnding, firstDirectory, isDirectory } from "./folders.node.js";
import { type DataFormat, FORMAT_LIST } from "./formats.js";
import { isOpenImages } from "./open-images.js";

const HEAD_BYTES = 4096;

/** What a SPEC's path was found to be. */
export interface Recognised {
  readonly format: Exclude<DataFormat, "auto">;
  /** The label file in a folder that was named instead of it; else the path itself. */
  readonly path: string;
}

/** The first characters of a file. */
function headOf(file: string): string {
  const fd = openSync(file, "r");
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    return head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0)).toString("utf8");
  } finally {
    closeSync(fd);
  }
}

/** A VOC set's folder of XML files: the folder itself or its `annotations/` or `Annotations/`. */
export function annotationsFolder(directory: string): string | undefined {
  const folder = firstDirectory(
    ["annotations", "Annotations"].map((name) => path.join(directory, name)),
  );
  const holdsXml = (candidate: string) => filesEnding(candidate, /\.xml$/i).length > 0;
  return [folder, directory].find((candidate) => candidate !== undefined && holdsXml(candidate));
}

const YAML_NAMES = ["data.yaml", "data.yml", "dataset.yaml"];

/** The `data.yaml` of a YOLO set's folder. */
export function yoloFile(directory: string): string | undefined {
  return YAML_NAMES.map((name) => path.join(directory, name)).find((file) => existsSync(file));
}

const LABEL_FILES: Readonly<Record<string, RegExp>> = {
  coco: /\.json$/i,
  labelstudio: /\.json$/i,
  jsonl: /\.jsonl$/i,
  csv: /\.[ct]sv$/i,
  openimages: /\.csv$/i,
  cvat: /\.xml$/i,
};

/** Label files of a format, or of any that has one file, in a folder and its `annotations/`. */
export function labelFilesIn(directory: string, format?: string): string[] {
  const pattern = format === undefined ? /\.(jsonl?|csv|tsv)$/i : LABEL_FILES[format];
  return ["", "annotations"]
    .map((name) => path.join(directory, name))
    .filter(isDirectory)
    .flatMap((folder) => filesEnding(folder, pattern).map((name) => path.join(folder, name)));
}

function recogniseFolder(folder: string): Recognised {
  const yaml = yoloFile(folder);
  if (yaml) return { format: "yolo", path: yaml };
  const cvat = path.join(folder, "annotations.xml");
  if (existsSync(cvat)) return { format: "cvat", path: cvat };
  if (annotationsFolder(folder)) return { format: "voc", path: folder };
  if (existsSync(path.join(folder, "label.txt"))) return { format: "wider", path: folder };
  const labels = path.join(folder, "labels");
  if (isDirectory(labels) && filesBelow(labels, /\.txt$/).length > 0) {
    return { format: "yolo", path: folder };
  }
  const files = labelFilesIn(folder);
  if (files.length === 1) return recognise(files[0]);
  throw new DataError(
    files.length > 1
      ? `The folder ${folder} holds ${files.length} label files: name one of ${files.join(", ")}.`
      : `Cannot tell what data ${folder} holds: a folder needs annotations/*.xml (VOC), annotations.xml (CVAT), ` +
          "data.yaml or labels/*.txt (YOLO) or label.txt (WIDER FACE); name a label file instead, such as coco:FILE " +
          "or jsonl:FILE. Photos without labels: the command pseudo writes some.",
  );
}

function recogniseFile(file: string): Recognised["format"] | undefined {
  switch (path.extname(file).toLowerCase()) {
    case ".jsonl":
      return "jsonl";
    case ".json":
      return headOf(file).trimStart().startsWith("[") ? "labelstudio" : "coco";
    case ".txt":
      return "wider";
    case ".yaml":
    case ".yml":
      return "yolo";
    case ".csv":
    case ".tsv":
      return isOpenImages(headOf(file).split("\n")[0]) ? "openimages" : "csv";
    case ".xml":
      return "cvat";
    default:
      return undefined;
  }
}

/**
 * Tells by its name and first characters what lies at a path.
 * @throws {DataError} where that cannot be told
 */
export function recognise(target: string): Recognised {
  if (isDirectory(target)) return recogniseFolder(target);
  const format = recogniseFile(target);
  if (format) return { format, path: target };
  throw new DataError(
    `Cannot tell the label format of ${target}: put one of ${FORMAT_LIST} and a colon before it.`,
  );
}
