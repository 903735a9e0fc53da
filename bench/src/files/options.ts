import { parseArgs } from "node:util";
import { UsageError } from "../options.js";

/** What the command line of `npm run bench:files` asks for. */
export interface FilesOptions {
  /** Folder of photos; default drawn ones. */
  readonly photos: string | undefined;
  readonly maxSide: number;
  /** Whole processes of each program, in turn; of the warm loops as many passes over the photos. */
  readonly rounds: number;
  /** Only programs whose name matches. */
  readonly filter: RegExp | undefined;
  readonly json: string | undefined;
  readonly overwrite: boolean;
}

const USAGE =
  "usage: [--photos DIR] [--max-side 640] [--rounds 5] [--filter RE] [--json FILE|-] [--overwrite]";

/** @throws UsageError for a command line that asks for nothing it knows */
export function parseFilesOptions(args: readonly string[]): FilesOptions {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        photos: { type: "string" },
        "max-side": { type: "string", default: "640" },
        rounds: { type: "string", default: "5" },
        filter: { type: "string" },
        json: { type: "string" },
        overwrite: { type: "boolean", default: false },
      },
    });
    const { photos, filter, json, overwrite } = values;
    return {
      photos,
      maxSide: positive("--max-side", values["max-side"]),
      rounds: positive("--rounds", values.rounds),
      filter: filter === undefined ? undefined : new RegExp(filter, "i"),
      json,
      overwrite,
    };
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} must be a whole number of at least 1, got ${text}`);
}
