import { type CsvError, type Info, parse } from "csv-parse/sync";
import type { Problem } from "./record.js";

/** A row of a CSV file. */
export interface CsvRow {
  readonly line: number;
  readonly cells: readonly string[];
}

const DELIMITERS = [",", ";", "\t"];

/** What separates the cells: what occurs most often in the first line. */
function delimiterOf(text: string): string {
  const first = text.slice(0, text.search(/\r?\n|$/));
  const counts = DELIMITERS.map((delimiter) => first.split(delimiter).length);
  return DELIMITERS[counts.indexOf(Math.max(...counts))];
}

/** The rows of a CSV file, separated by commas, semicolons or tabs; rows that are none are problems. */
export function readCsv(text: string, file: string) {
  const problems: Problem[] = [];
  const note = ({ message, lines }: CsvError & { lines?: number }) => {
    problems.push({ file, ...(lines !== undefined && { line: lines }), message });
    return undefined;
  };
  const found = parse(text, {
    delimiter: delimiterOf(text),
    bom: true,
    info: true,
    trim: true,
    relax_column_count: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    on_skip: (error) => error && note(error),
  }) as unknown as { info: Info; record: string[] }[];
  const rows = found.map(({ info, record }): CsvRow => ({ line: info.lines, cells: record }));
  return { rows, problems };
}
