import path from "node:path";
import { makeFolder, Outputs } from "retinaface-webgpu/node";
import { root } from "./environment.js";
import type { BenchOptions } from "./options.js";

export interface Results {
  readonly result: object;
  readonly table: string;
  /** SVG texts by the ending of their file's name. */
  readonly charts: ReadonlyMap<string, string>;
}

/**
 * Makes sure that results can be written, before anything is measured, and gives what then prints the table and writes
 * the JSON with the charts beside it: `results.json`, `results-kernels.svg`. A file that the user names is replaced
 * only with `overwrite`; `-` prints the JSON instead of the table; by default it is `bench/results/local/NAME.json`,
 * which is the last run's.
 *
 * @param endings of the charts that there may be
 * @throws OutputExistsError, OptionError and WriteError as Outputs does
 */
export async function planResults(
  name: string,
  endings: readonly string[],
  { json, overwrite }: Pick<BenchOptions, "json" | "overwrite">,
): Promise<(results: Results) => Promise<void>> {
  const file = json ?? path.join(root, "bench/results/local", `${name}.json`);
  const chart = (ending: string) => file.replace(/(\.json)?$/, `-${ending}.svg`);
  const outputs = new Outputs({ overwrite: json === undefined || overwrite });
  if (json !== "-") {
    await makeFolder(path.dirname(file));
    await outputs.check(file, ...endings.map(chart));
  }
  return async ({ result, table, charts }) => {
    const text = `${JSON.stringify(result, roundNumber, 1)}\n`;
    process.stdout.write(json === "-" ? text : table);
    if (json === "-") return;
    await outputs.writeText(file, text);
    for (const [ending, svg] of charts) await outputs.writeText(chart(ending), svg);
    process.stderr.write(`results in ${path.relative(process.cwd(), file)}\n`);
  };
}

/** Five significant digits: no timing has more. */
function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value)
    ? Number(value.toPrecision(5))
    : value;
}
