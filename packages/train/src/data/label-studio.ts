import { boxAroundTurned } from "./corners.js";
import { isNumbers, isObject, type JsonObject } from "./json.js";
import { type JsonPath, type JsonProblem, parseJson, placeProblems } from "./json-position.js";
import type { FindImage } from "./lookup.js";
import { type ReadResult, RecordBuilder } from "./record.js";

/** What the server puts before the name of an uploaded file. */
const UPLOAD_PREFIX = /^[0-9a-f]{8}-/;
const IMAGE_NAME = /\.(jpe?g|png|webp|bmp)(\?|$)/i;

/** A region with a place in the document. */
interface Region {
  readonly value: JsonObject;
  readonly path: JsonPath;
}

/** The names under which an image may lie: as written, without folders, without the server's prefix. */
function candidatesOf(link: string): string[] {
  const local = /[?&]d=([^&]+)/.exec(link)?.[1];
  let written = local ?? link.replace(/^[a-z]\w*:\/\/[^/]*\//i, "").replace(/[?#].*$/, "");
  try {
    written = decodeURIComponent(written);
  } catch {
    // A name with a per cent sign of its own.
  }
  const name = written.replace(/^.*[\\/]/, "");
  return [...new Set([written.replace(/^\//, ""), name, name.replace(UPLOAD_PREFIX, "")])];
}

/** The link to a task's picture: under `image`, else what looks like one. */
function linkOf(data: JsonObject): string | undefined {
  const values = [data.image, ...Object.values(data)];
  const links = values.filter((value): value is string => typeof value === "string");
  if (typeof data.image === "string") return data.image;
  return links.find((link) => IMAGE_NAME.test(link) || link.startsWith("/data/"));
}

/** A region's label. */
function labelOf({ rectanglelabels, labels }: JsonObject): string | undefined {
  const [label] = [rectanglelabels, labels].flatMap((list) => (Array.isArray(list) ? list : []));
  return typeof label === "string" && label !== "" ? label : undefined;
}

/** Adds a region. @returns what is wrong with it */
function addRegion(
  builder: RecordBuilder,
  region: JsonObject,
  { width, height }: { width: number; height: number },
): string | undefined {
  const numbers = [region.x, region.y, region.width, region.height];
  if (!isNumbers(numbers, 4)) return "is no rectangle: left out";
  const label = labelOf(region);
  if (label === undefined) return "has no label";
  const [x, y, w, h] = numbers.map((value, i) => (value * (i % 2 === 0 ? width : height)) / 100);
  const degrees = typeof region.rotation === "number" ? region.rotation : 0;
  return builder.add({ box: boxAroundTurned([x, y, x + w, y + h], degrees, [x, y]), label });
}

/** The regions of a task of the JSON export: those of its first annotation that was not cancelled. */
function fullRegions(task: JsonObject, path: JsonPath, report: Report): Region[] | undefined {
  const key = task.annotations === undefined ? "completions" : "annotations";
  const all = Array.isArray(task[key]) ? (task[key] as unknown[]) : [];
  const valid = all.flatMap((annotation, i) =>
    isObject(annotation) && annotation.was_cancelled !== true ? [{ annotation, i }] : [],
  );
  if (valid.length === 0) {
    report(path, "is not annotated: left out");
    return undefined;
  }
  if (valid.length > 1) {
    report(path, `has ${valid.length} annotations: the first one is taken`);
  }
  const [{ annotation, i }] = valid;
  const results = Array.isArray(annotation.result) ? (annotation.result as unknown[]) : [];
  return results.flatMap((result, r) => {
    if (!isObject(result) || !isObject(result.value)) return [];
    if (isObject(result.value) && "choices" in result.value) return [];
    const { original_width, original_height } = result;
    const value = { ...result.value, original_width, original_height };
    return [{ value, path: [...path, key, i, "result", r] }];
  });
}

/** The regions of a task of JSON-MIN: every list of objects. */
function minimalRegions(task: JsonObject, path: JsonPath): Region[] {
  return Object.entries(task).flatMap(([key, list]) =>
    (Array.isArray(list) ? list : []).flatMap((value, i) =>
      isObject(value) ? [{ value, path: [...path, key, i] }] : [],
    ),
  );
}

type Report = (path: JsonPath, message: string) => void;

function readTask(
  task: unknown,
  path: JsonPath,
  find: FindImage,
  report: Report,
): RecordBuilder | undefined {
  if (!isObject(task)) {
    report(path, "is no task");
    return undefined;
  }
  const link = linkOf(isObject(task.data) ? task.data : task);
  const found = link === undefined ? undefined : find(candidatesOf(link));
  if (!found) {
    report(path, link === undefined ? "has no image" : `there is no image for ${link}`);
    return undefined;
  }
  const regions = isObject(task.data)
    ? fullRegions(task, path, report)
    : minimalRegions(task, path);
  if (!regions) return undefined;
  const sizes = regions.map(({ value }) => [value.original_width, value.original_height]);
  const [width, height] = sizes.find((size) => isNumbers(size, 2)) ?? [];
  const size = isNumbers([width, height])
    ? { width: width as number, height: height as number }
    : undefined;
  const builder = new RecordBuilder(found.id, found.image, size);
  for (const { value, path: at } of regions) {
    const message = size
      ? addRegion(builder, value, size)
      : "has no original_width and original_height";
    if (message) report(at, message);
  }
  return builder;
}

/**
 * Reads Label Studio's exports JSON and JSON-MIN: rectangles in per cent of `original_width` and `original_height`, of the
 * picture as it is shown; the box around a turned one is taken. Images are looked for by their names, without the prefix that
 * the server puts before those of uploaded files. Tasks without an annotation are left out, they are no background.
 */
export function parseLabelStudio(text: string, file: string, find: FindImage): ReadResult {
  const parsed = parseJson(text);
  if (!("value" in parsed)) return { records: [], problems: [{ file, ...parsed }] };
  if (!Array.isArray(parsed.value)) {
    const message = "Label Studio's export is a list of tasks";
    return { records: [], problems: [{ file, line: 1, message }] };
  }
  const problems: JsonProblem[] = [];
  const report: Report = (path, message) => {
    const [task, ...rest] = path;
    const within = rest.length > 0 ? `, ${rest.join(".")}` : "";
    problems.push({ path, message: `task ${task}${within} ${message}` });
  };
  const builders = parsed.value.map((task, i) => readTask(task, [i], find, report));
  const records = builders.flatMap((builder) => (builder ? [builder.build()] : []));
  return { records, problems: placeProblems(text, file, problems) };
}
