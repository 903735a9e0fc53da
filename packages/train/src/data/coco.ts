import { isNumbers, isObject, type JsonObject, readJsonSize } from "./json.js";
import { type JsonProblem, parseJson, placeProblems } from "./json-position.js";
import { type ReadResult, RecordBuilder } from "./record.js";
import type { ResolveImage } from "./wider.js";

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Five visible keypoints, `[x, y, v] × 5`, in this library's order; other skeletons are no landmarks. */
function readKeypoints(value: unknown): number[] | undefined {
  if (!isNumbers(value, 15)) return undefined;
  const points: number[] = [];
  for (let i = 0; i < 15; i += 3) {
    if (value[i + 2] === 0) return undefined;
    points.push(value[i], value[i + 1]);
  }
  return points;
}

function readImages(
  root: JsonObject,
  resolve: ResolveImage,
  report: (index: number, message: string) => void,
): Map<unknown, RecordBuilder> {
  const builders = new Map<unknown, RecordBuilder>();
  for (const [i, image] of asList(root.images).entries()) {
    if (!isObject(image) || typeof image.file_name !== "string" || image.file_name === "") {
      report(i, "has no file_name");
    } else if (image.id === undefined) {
      report(i, "has no id");
    } else if (builders.has(image.id)) {
      report(i, `repeats the id ${image.id}`);
    } else {
      const source = resolve(image.file_name);
      builders.set(image.id, new RecordBuilder(image.file_name, source, readJsonSize(image)));
    }
  }
  return builders;
}

function addAnnotation(
  annotation: JsonObject,
  builder: RecordBuilder,
  names: ReadonlyMap<unknown, string>,
): string | undefined {
  if (!isNumbers(annotation.bbox, 4)) return "has no bbox of four numbers";
  const label = names.get(annotation.category_id);
  if (label === undefined) return `has the unknown category_id ${annotation.category_id}`;
  const [x, y, w, h] = annotation.bbox;
  return builder.add({
    box: [x, y, x + w, y + h],
    label,
    landmarks: readKeypoints(annotation.keypoints),
    ignored: annotation.iscrowd === 1,
  });
}

/** JSON may hold anything for a name. */
function nameOf({ name }: JsonObject): string {
  return typeof name === "string" ? name : JSON.stringify(name ?? null);
}

/**
 * Reads COCO object annotations: `images`, `annotations` (`bbox` is x, y, width, height) and
 * `categories`. `keypoints` count as landmarks where there are exactly five, all labelled; `iscrowd`
 * boxes are ignored ones.
 */
export function parseCoco(text: string, file: string, resolve: ResolveImage): ReadResult {
  const parsed = parseJson(text);
  if (!("value" in parsed)) return { records: [], problems: [{ file, ...parsed }] };
  const root = parsed.value;
  if (!isObject(root) || !Array.isArray(root.images) || !Array.isArray(root.annotations)) {
    const message = "COCO needs the lists images, annotations and categories";
    return { records: [], problems: [{ file, line: 1, message }] };
  }
  const problems: JsonProblem[] = [];
  const report = (list: string, index: number, message: string) =>
    problems.push({ path: [list, index], message: `${list}[${index}] ${message}` });
  const builders = readImages(root, resolve, (index, message) => report("images", index, message));
  const names = new Map<unknown, string>();
  for (const category of asList(root.categories)) {
    if (isObject(category)) names.set(category.id, nameOf(category));
  }
  for (const [i, annotation] of root.annotations.entries()) {
    const builder = isObject(annotation) ? builders.get(annotation.image_id) : undefined;
    const message = builder
      ? addAnnotation(annotation, builder, names)
      : "belongs to no image of the file";
    if (message) report("annotations", i, message);
  }
  const records = [...builders.values()].map((builder) => builder.build());
  return { records, problems: placeProblems(text, file, problems) };
}
