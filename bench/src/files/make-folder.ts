#!/usr/bin/env node
/**
 * Draws a folder of photos, for runs over very many: `node bench/dist/files/make-folder.js DIR [--count 1000] [--width 4000]
 * [--height 3000] [--distinct 8]`.
 */
import { parseArgs } from "node:util";
import { reportFailure, UsageError } from "../options.js";
import { drawFolder } from "./folder.js";

function read(args: readonly string[]) {
  try {
    const text = (fallback: string) => ({ type: "string", default: fallback }) as const;
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        count: text("1000"),
        width: text("4000"),
        height: text("3000"),
        distinct: text("8"),
      },
    });
    const [count, width, height, distinct] = [
      values.count,
      values.width,
      values.height,
      values.distinct,
    ].map(Number);
    const wrong = [count, width, height, distinct].some((n) => !Number.isSafeInteger(n) || n < 1);
    if (wrong || positionals.length !== 1) throw new Error("a folder and whole numbers are needed");
    return { folder: positionals[0], count, sizes: [[width, height]] as const, distinct };
  } catch (cause) {
    throw new UsageError(
      `${(cause as Error).message}\nusage: DIR [--count 1000] [--width 4000] [--height 3000] [--distinct 8]`,
      { cause },
    );
  }
}

try {
  const { folder, ...spec } = read(process.argv.slice(2));
  const files = await drawFolder(folder, spec);
  process.stderr.write(`${files.length} photos in ${folder}\n`);
} catch (error) {
  process.exitCode = reportFailure(error);
}
