import {
  printable,
  printableJson,
  printableLines,
  startProgress,
  writeFileAtomic,
} from "retinaface-webgpu/node";
import { type Dataset, loadDataset } from "../data/load.node.js";
import { countClasses, type FaceRecord, formatProblem, type Problem } from "../data/record.js";
import { DataError } from "../errors.js";
import { timeLeft } from "./time-left.js";

const PROBLEMS_SHOWN = 20;

/** A line for people, on standard error. */
export function say(text: string): void {
  process.stderr.write(`${printableLines(text)}\n`);
}

/** The command's result: one JSON object on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** Lists problems by file and line, the first ones only. */
export function reportProblems(problems: readonly Problem[]): void {
  for (const problem of problems.slice(0, PROBLEMS_SHOWN)) say(printable(formatProblem(problem)));
  const more = problems.length - PROBLEMS_SHOWN;
  if (more > 0) say(`… and ${more} more problems`);
}

function summary(records: readonly FaceRecord[]): string {
  const counts = Object.entries(countClasses(records)).map(
    ([name, n]) => `${n} ${printable(name)}`,
  );
  return `${records.length} images: ${counts.join(", ") || "no faces"}`;
}

/** Loads a data SPEC, and says what is in it and what was skipped. */
export function loadData(spec: string): Dataset {
  const dataset = loadDataset(spec);
  const { problems, classes, outside, unpacked } = dataset;
  for (const { archive, folder, fresh } of unpacked) {
    say(
      `${printable(archive)}: ${fresh ? "unpacked into" : "unpacked before, in"} ${printable(folder)}`,
    );
  }
  reportProblems(problems);
  for (const { label, faces, becomes } of classes) {
    const note = becomes === "background" ? " (not chosen; say NAME=ignored for neither)" : "";
    say(`class ${printable(label)}: ${faces} faces, taken as ${printable(becomes)}${note}`);
  }
  if (outside.boxes > 0) {
    const share = ((100 * outside.boxes) / outside.of).toFixed(1);
    say(`${outside.boxes} of ${outside.of} boxes (${share} %) reach out of their pictures`);
  }
  say(`${summary(dataset.records)}; ${problems.length} problems`);
  return dataset;
}

/** Makes sure that there are faces to learn from, or to choose by. @throws {DataError} */
export function needFaces({ records }: Dataset, spec: string): void {
  if (records.some(({ ignored }) => ignored.includes(0))) return;
  throw new DataError(
    `There is no face in the data ${spec}, only background: mend the labels, or choose other classes ` +
      "or another part.",
  );
}

/** A progress bar over images on a terminal's standard error. */
export function imageProgress(total: number) {
  const streams = { stdout: process.stdout, stderr: process.stderr };
  const bar = startProgress(streams, total, "{bar} {value}/{total} images{label}");
  const left = timeLeft(total);
  return {
    ...bar,
    update: (done: number, label: string) => bar.update(done, `${left(done)}  ${label}`),
  };
}

/** Writes a text file whole or not at all. */
export function writeText(file: string, text: string): Promise<void> {
  return writeFileAtomic(file, new TextEncoder().encode(text));
}

/** Aligned columns for people; numbers to four decimals. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const text = (value: string | number | null) => {
    if (value === null) return "–";
    if (typeof value === "string" || Number.isInteger(value)) return printable(String(value));
    return value.toFixed(4);
  };
  const cells = [head, ...rows.map((row) => row.map(text))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  return cells
    .map((row) => row.map((cell, column) => cell.padStart(widths[column])).join("  "))
    .join("\n");
}
