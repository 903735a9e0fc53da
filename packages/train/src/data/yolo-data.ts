import { LineCounter, parseDocument } from "yaml";
import { DataError } from "../errors.js";
import { YOLO_PARTS, type YoloPart } from "./formats.js";
import { isNumbers, isObject, type JsonObject } from "./json.js";
import type { YoloSet } from "./yolo.js";

/** A `data.yaml`, whose paths are as it writes them. */
export interface YoloData extends YoloSet {
  /** `path`: the folder that the parts are relative to. */
  readonly root?: string;
  /** Folders of images, or text files that list images. */
  readonly parts: Readonly<Partial<Record<YoloPart, readonly string[]>>>;
}

type Fail = (key: string, message: string) => never;

/** Class names as a list, or by number. */
function readNames(value: unknown, fail: Fail): Map<number, string> {
  if (value === undefined || value === null) return new Map();
  if (!Array.isArray(value) && !isObject(value)) fail("names", "is no list of class names");
  const names = new Map<number, string>();
  for (const [key, name] of Object.entries(value as object)) {
    const number = Number(key);
    if (!Number.isSafeInteger(number) || number < 0) fail("names", `has the class ${key}`);
    if (typeof name !== "string" && typeof name !== "number") {
      fail("names", `has no name for the class ${key}`);
    }
    names.set(number, String(name));
  }
  return names;
}

function readKeypoints(value: unknown, fail: Fail): YoloSet["keypoints"] {
  if (value === undefined || value === null) return undefined;
  if (!isNumbers(value, 2) || value[0] < 1 || (value[1] !== 2 && value[1] !== 3)) {
    return fail("kpt_shape", "is not a number of keypoints and 2 or 3, such as [5, 3]");
  }
  return [value[0], value[1]];
}

function readPart(root: JsonObject, part: YoloPart, fail: Fail): string[] {
  const value = root[part];
  if (value === undefined || value === null || value === "") return [];
  const paths = Array.isArray(value) ? value : [value];
  if (!paths.every((path) => typeof path === "string" && path !== "")) {
    return fail(part, "is no path or list of paths");
  }
  return paths as string[];
}

/**
 * Reads the `data.yaml` of Ultralytics' sets: `path`, `train`, `val`, `test`, `names`, `kpt_shape`.
 * @throws {DataError} with file and line where it is no YAML or holds something else there
 */
export function parseYoloData(text: string, file: string): YoloData {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [error] = document.errors;
  if (error) {
    const line = lines.linePos(error.pos[0]).line;
    throw new DataError(`${file}:${line}: ${error.message.split("\n")[0]}`, { cause: error });
  }
  const root: unknown = document.toJS();
  if (!isObject(root)) {
    throw new DataError(`${file}:1: it is no data.yaml: it needs train, val and names.`);
  }
  const fail: Fail = (key, message) => {
    const range = (document.get(key, true) as { range?: [number, number, number] })?.range;
    const line = range ? lines.linePos(range[0]).line : 1;
    throw new DataError(`${file}:${line}: ${key} ${message}: mend it.`);
  };
  const parts = YOLO_PARTS.map((part) => [part, readPart(root, part, fail)] as const);
  return {
    names: readNames(root.names, fail),
    keypoints: readKeypoints(root.kpt_shape, fail),
    ...(typeof root.path === "string" && root.path !== "" && { root: root.path }),
    parts: Object.fromEntries(parts.filter(([, paths]) => paths.length > 0)),
  };
}
