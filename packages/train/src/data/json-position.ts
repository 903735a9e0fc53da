import { type ParseError, parse, visit } from "jsonc-parser";

/** The way to a value in a JSON document: names and places in lists. */
export type JsonPath = readonly (string | number)[];

const keyOf = (path: JsonPath) => path.join("\n");

/** On which lines, counted from 1, the values at `paths` begin; by one walk over the text, and none without paths. */
export function linesOfJson(text: string, paths: readonly JsonPath[]): Map<string, number> {
  const lines = new Map<string, number>();
  if (paths.length === 0) return lines;
  const wanted = new Set(paths.map(keyOf));
  const deepest = Math.max(...paths.map((path) => path.length));
  const note = (path: JsonPath, line: number) => {
    const key = keyOf(path);
    if (wanted.has(key)) lines.set(key, line + 1);
    return path.length < deepest;
  };
  visit(text, {
    onObjectBegin: (_offset, _length, line, _column, path) => note(path(), line),
    onArrayBegin: (_offset, _length, line, _column, path) => note(path(), line),
    // jsonc-parser 3.3.1 counts the ends of what is skipped only where somebody listens to them.
    onObjectEnd: () => undefined,
    onArrayEnd: () => undefined,
    onLiteralValue: (_value, _offset, _length, line, _column, path) => void note(path(), line),
  });
  return lines;
}

/** What is wrong in a JSON document, by the way to it. */
export interface JsonProblem {
  readonly path: JsonPath;
  readonly message: string;
}

/** Problems with their lines. */
export function placeProblems(text: string, file: string, problems: readonly JsonProblem[]) {
  const lines = linesOfJson(
    text,
    problems.map(({ path }) => path),
  );
  return problems.map(({ path, message }) => {
    const line = lines.get(keyOf(path));
    return { file, ...(line !== undefined && { line }), message };
  });
}

/** A parsed document, or where and why it is none. */
export type ParsedJson =
  | { readonly value: unknown }
  | { readonly line: number; readonly message: string };

export function parseJson(text: string): ParsedJson {
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const faults: ParseError[] = [];
    parse(text, faults, { disallowComments: true });
    const line = text.slice(0, faults[0]?.offset ?? 0).split("\n").length;
    return { line, message: (error as Error).message };
  }
}
