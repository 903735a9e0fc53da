import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";
import { UsageError } from "../options.js";

/** AP of one run on one validation set, in 0..1. */
export interface Measured {
  readonly ap50: number;
  readonly ap: number;
}

/** One row with one seed, trained and evaluated. */
export interface RunResult {
  readonly row: string;
  readonly seed: number;
  /** All that determines it but the seed: of equal budgets alone results are compared. */
  readonly budget: string;
  readonly steps: number;
  /** Of the training, by the clock. */
  readonly seconds: number;
  /** Processor time of the training's program, and multiply-adds at 640×640 in millions, where rows train for equal time. */
  readonly processorSeconds?: number;
  readonly mmac?: number;
  readonly backend: string;
  /** Parts that did not train. */
  readonly frozen: readonly string[];
  readonly validations: Readonly<Record<string, Measured>>;
  readonly date: string;
}

/** @throws UsageError for a line that is no result, unless it is the last, which a stop may have cut */
export function readResults(file: string): RunResult[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    try {
      return [JSON.parse(line) as RunResult];
    } catch (cause) {
      if (i === lines.length - 1) return [];
      const text = `${file}:${i + 1} is no result of an ablation: delete the line, or give another --out`;
      throw new UsageError(text, { cause });
    }
  });
}

/** Appends a result; a line that a stop has cut goes. */
export function appendResult(file: string, result: RunResult): void {
  if (existsSync(file)) {
    const text = readFileSync(file);
    truncateSync(file, text.lastIndexOf("\n") + 1);
  }
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}
