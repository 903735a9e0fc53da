import { parseArgs } from "node:util";

/** What the command line of `npm run bench` and `npm run bench:peers` asks for. */
export interface BenchOptions {
  /** Only kernels and sections whose name matches. */
  readonly filter: RegExp | undefined;
  /** File of the results; `-` for standard output. */
  readonly json: string | undefined;
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
        quick: { type: "boolean", default: false },
      },
    });
    const filter = values.filter === undefined ? undefined : new RegExp(values.filter, "i");
    return { filter, json: values.json, quick: values.quick };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageError(`${reason}\nusage: [--filter RE] [--json FILE|-] [--quick]`, { cause });
  }
}
