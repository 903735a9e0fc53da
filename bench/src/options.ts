import { parseArgs } from "node:util";
import { RetinaFaceError } from "retinaface-webgpu";
import { printableLines } from "retinaface-webgpu/node";

/** What the command line of `npm run bench` and `npm run bench:peers` asks for. */
export interface BenchOptions {
  /** Only kernels and sections whose name matches. */
  readonly filter: RegExp | undefined;
  /** File of the results; `-` for standard output. */
  readonly json: string | undefined;
  /** Replace results of the name given by `json`. */
  readonly overwrite?: boolean;
  /** Fewer rounds and sizes. */
  readonly quick: boolean;
}

/** A command line that asks for nothing the benchmark knows. */
export class UsageError extends Error {
  readonly code = "USAGE";
  override readonly name = "UsageError";
}

/** @throws UsageError on an unknown option or a pattern that is no regular expression. */
export function parseOptions(args: readonly string[]): BenchOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        filter: { type: "string" },
        json: { type: "string" },
        overwrite: { type: "boolean" },
        quick: { type: "boolean", default: false },
      },
    });
    const filter = values.filter === undefined ? undefined : new RegExp(values.filter, "i");
    const { json, quick, overwrite } = values;
    return { filter, json, quick, ...(overwrite && { overwrite }) };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const usage = "usage: [--filter RE] [--json FILE|-] [--overwrite] [--quick]";
    throw new UsageError(`${reason}\n${usage}`, { cause });
  }
}

/** Says what stopped the benchmark where that is the user's to mend. @returns the exit code: 2 for wrong usage, else 1 */
export function reportFailure(error: unknown): number {
  if (!(error instanceof UsageError || error instanceof RetinaFaceError)) throw error;
  process.stderr.write(`${printableLines(error.message)} [${error.code}]\n`);
  return error instanceof UsageError || error.code === "OPTION_INVALID" ? 2 : 1;
}
