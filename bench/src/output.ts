import { mkdir } from "node:fs/promises";
import path from "node:path";
import { writeFileAtomic } from "retinaface-webgpu/node";
import { root } from "./environment.js";

/**
 * Prints the table and writes the JSON with the charts beside it: `results.json`, `results-kernels.svg`.
 *
 * @param json file of the JSON; `-` prints it instead of the table; by default `bench/results/local/NAME.json`
 */
export async function writeResults(
  name: string,
  json: string | undefined,
  { result, table, charts }: { result: object; table: string; charts: ReadonlyMap<string, string> },
): Promise<void> {
  const text = `${JSON.stringify(result, roundNumber, 1)}\n`;
  process.stdout.write(json === "-" ? text : table);
  if (json === "-") return;
  const file = json ?? path.join(root, "bench/results/local", `${name}.json`);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFileAtomic(file, Buffer.from(text));
  for (const [ending, svg] of charts) {
    await writeFileAtomic(file.replace(/(\.json)?$/, `-${ending}.svg`), Buffer.from(svg));
  }
  process.stderr.write(`results in ${path.relative(process.cwd(), file)}\n`);
}

/** Five significant digits: no timing has more. */
function roundNumber(_: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isInteger(value)
    ? Number(value.toPrecision(5))
    : value;
}
