import { DataError } from "../errors.js";
import { readCsv } from "./csv-rows.js";
import type { FindImage, SizeOf } from "./lookup.js";
import { parseNumber } from "./numbers.js";
import { type ReadResult, RecordBuilder } from "./record.js";

const NEEDED = ["ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax"];
const EXTENSIONS = [".jpg", ".png", ".jpeg"];

/** Whether a file's first line is the header of Open Images' boxes. */
export function isOpenImages(firstLine: string): boolean {
  const names = firstLine.split(",").map((name) => name.trim());
  return ["ImageID", "XMin"].every((name) => names.includes(name));
}

/** Class names by their identifiers, of `class-descriptions*.csv`: `/m/0dzct,Human face`. */
export function parseClassDescriptions(text: string, file: string): Map<string, string> {
  const { rows } = readCsv(text, file);
  return new Map(rows.map(({ cells: [identifier, name] }) => [identifier, name ?? identifier]));
}

/**
 * Reads the boxes of Open Images (Kuznetsova et al., "The Open Images Dataset V4", 2020): shares of the image's sides,
 * a row a box. Boxes around a group (`IsGroupOf`) are ignored ones. Images that are not there, as most of the set will be,
 * are counted in one problem.
 *
 * @param names class names by identifier; an identifier that is not among them stays
 * @throws {DataError} for a file without these columns
 */
export function parseOpenImages(
  text: string,
  file: string,
  find: FindImage,
  sizeOf: SizeOf,
  names: ReadonlyMap<string, string> = new Map(),
): ReadResult {
  const { rows, problems } = readCsv(text, file);
  const header = rows[0]?.cells ?? [];
  const lacking = NEEDED.filter((name) => !header.includes(name));
  if (lacking.length > 0) {
    throw new DataError(`${file}:1: it has no column ${lacking.join(", ")}: is it of Open Images?`);
  }
  const at = (cells: readonly string[], name: string) => cells[header.indexOf(name)] ?? "";
  const builders = new Map<string, RecordBuilder | undefined>();
  const sizes = new Map<RecordBuilder, { width: number; height: number }>();
  const builderOf = (id: string) => {
    if (builders.has(id)) return builders.get(id);
    const found = find(EXTENSIONS.map((extension) => id + extension));
    const size = found && sizeOf(found.id);
    const builder = size && new RecordBuilder(found.id, found.image, size);
    if (builder) sizes.set(builder, size);
    builders.set(id, builder);
    return builder;
  };
  for (const { line, cells } of rows.slice(1)) {
    const builder = builderOf(at(cells, "ImageID"));
    if (!builder) continue;
    const { width, height } = sizes.get(builder)!;
    const [x1, y1, x2, y2] = ["XMin", "YMin", "XMax", "YMax"].map((name) =>
      parseNumber(at(cells, name)),
    );
    const identifier = at(cells, "LabelName");
    const message = builder.add({
      box: [x1 * width, y1 * height, x2 * width, y2 * height],
      label: names.get(identifier) ?? identifier,
      ignored: at(cells, "IsGroupOf") === "1",
    });
    if (message) problems.push({ file, line, message });
  }
  const there = [...builders.values()].filter((builder) => builder !== undefined);
  const absent = builders.size - there.length;
  if (absent > 0) {
    const message = `${absent} of ${builders.size} images are not there or cannot be read: left out`;
    problems.push({ file, message });
  }
  return { records: there.map((builder) => builder.build()), problems };
}
