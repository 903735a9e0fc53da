import { DataError } from "../errors.js";
import { boxColumns, type CsvColumns, findColumns, LANDMARK_COLUMNS } from "./csv-columns.js";
import { type CsvRow, readCsv } from "./csv-rows.js";
import type { SizeOf } from "./lookup.js";
import { parseNumber } from "./numbers.js";
import { type FaceInput, type Problem, type ReadResult, RecordBuilder } from "./record.js";
import type { ResolveImage } from "./wider.js";

/** What a SPEC says of a CSV file. */
export interface CsvOptions {
  /** Which column holds what; absent: told from the header. */
  readonly columns?: string | undefined;
  /** Pixels, or shares of the image's sides. */
  readonly units?: "pixels" | "shares" | undefined;
}

const YES = /^(1|1\.0|true|yes)$/i;

/** Corners of a box as its columns give it. */
function cornersOf(names: readonly string[], values: readonly number[]): number[] {
  const [a, b, c, d] = values;
  if (names[2] === "x2") return [a, b, c, d];
  if (names[0] === "cx") return [a - c / 2, b - d / 2, a + c / 2, b + d / 2];
  return [a, b, a + c, b + d];
}

/** A table of faces: what its rows are, whatever the image. */
class FaceTable {
  readonly #box: readonly string[];
  readonly #columns: CsvColumns;

  constructor(columns: CsvColumns) {
    this.#columns = columns;
    this.#box = boxColumns(columns)!;
  }

  cell({ cells }: CsvRow, name: string): string {
    const at = this.#columns.get(name);
    return at === undefined ? "" : (cells[at] ?? "");
  }

  numbers(row: CsvRow, names: readonly string[]): number[] {
    return names.map((name) => parseNumber(this.cell(row, name)));
  }

  /** The numbers of a row's box; undefined where its cells are empty: an image without a face. */
  box(row: CsvRow): number[] | undefined {
    if (this.#box.every((name) => this.cell(row, name) === "")) return undefined;
    return cornersOf(this.#box, this.numbers(row, this.#box));
  }

  size(row: CsvRow): { width: number; height: number } | undefined {
    const [width, height] = this.numbers(row, ["width", "height"]);
    return width > 0 && height > 0 ? { width, height } : undefined;
  }

  face(row: CsvRow, box: number[], factors: readonly [number, number]): FaceInput {
    const scale = (values: number[]) => values.map((value, i) => value * factors[i % 2]);
    const points = this.numbers(row, LANDMARK_COLUMNS);
    const complete = points.every((value) => Number.isFinite(value) && value >= 0);
    return {
      box: scale(box),
      label: this.cell(row, "label") || "face",
      ignored: YES.test(this.cell(row, "ignored")),
      ...(complete && { landmarks: scale(points) }),
    };
  }
}

/** Shares read as pixels would make every box a part of one pixel. */
function checkUnits(table: FaceTable, rows: readonly CsvRow[], file: string): void {
  const boxes = rows.map((row) => table.box(row)).filter((box) => box !== undefined);
  const isShare = (value: number) => value >= 0 && value <= 1;
  if (boxes.length === 0 || !boxes.every((box) => box.every(isShare))) return;
  throw new DataError(
    `All coordinates in ${file} are from 0 to 1: say units=shares in the SPEC where they are shares of the image's ` +
      "sides, or units=pixels.",
  );
}

/**
 * Reads a CSV file with a row a face: path of the image, box (two corners; a corner or the centre, and size), and
 * perhaps class, size of the image, whether it is ignored, five landmarks. A row with an empty box is an image without a face.
 *
 * @param sizeOf asked where coordinates are shares and the file states no size
 * @throws {DataError} where the columns or the unit cannot be told
 */
export function parseCsv(
  text: string,
  file: string,
  resolve: ResolveImage,
  sizeOf: SizeOf,
  { columns: given, units }: CsvOptions = {},
): ReadResult {
  const { rows: all, problems } = readCsv(text, file);
  if (all.length === 0)
    return { records: [], problems: [...problems, { file, message: "it is empty" }] };
  const { columns, hasHeader } = findColumns(all[0].cells, file, given);
  const rows = hasHeader ? all.slice(1) : all;
  const table = new FaceTable(columns);
  if (units === undefined) checkUnits(table, rows, file);
  const builders = new Map<string, RecordBuilder>();
  const sizes = new Map<string, ReturnType<SizeOf>>();
  const add = (row: CsvRow): string | undefined => {
    const path = table.cell(row, "image");
    if (path === "") return "no image";
    if (!builders.has(path)) {
      const size = table.size(row) ?? (units === "shares" ? sizeOf(path) : undefined);
      sizes.set(path, size);
      builders.set(path, new RecordBuilder(path, resolve(path), size));
    }
    const box = table.box(row);
    if (!box) return undefined;
    if (box.some(Number.isNaN)) return `the box is no four numbers: ${row.cells.join(", ")}`;
    const size = units === "shares" ? sizes.get(path) : { width: 1, height: 1 };
    if (!size) return `the size of ${path} is not known, which shares are of`;
    return builders.get(path)!.add(table.face(row, box, [size.width, size.height]));
  };
  for (const row of rows) {
    const message = add(row);
    if (message) problems.push({ file, line: row.line, message } satisfies Problem);
  }
  return { records: [...builders.values()].map((builder) => builder.build()), problems };
}
