#!/usr/bin/env node
/**
 * `npm run ablation`: each of the study's switches against a base, with equal budget and seeds. Runs `train` and `evaluate`
 * row by row, appends every result to a file of JSON lines and goes on from what it holds, and prints a Markdown table with
 * a sentence for each claim.
 */
import path from "node:path";
import { makeFolder } from "retinaface-webgpu/node";
import { reportFailure } from "../options.js";
import { parseAblationOptions } from "./options.js";
import { formatClaims, formatTable } from "./report.js";
import { appendResult, readResults } from "./results.js";
import { budgetOf, runRow } from "./run.js";

const progress = (text: string) => process.stderr.write(`ablation: ${text}\n`);

async function main(): Promise<void> {
  const options = parseAblationOptions(process.argv.slice(2));
  const { rows, seeds, out, table, preset } = options;
  await makeFolder(path.dirname(path.resolve(out)));
  const known = readResults(out);
  const isOf = (row: (typeof rows)[number], seed: number) => {
    const budget = budgetOf(options, row);
    return known.find((r) => r.row === row.name && r.seed === seed && r.budget === budget);
  };
  // Seeds outside: a run that is stopped has compared all rows by the seeds that it has finished.
  for (const seed of table ? [] : seeds) {
    for (const row of rows) {
      if (isOf(row, seed)) continue;
      progress(`${row.name}, seed ${seed}`);
      const result = await runRow(options, row, seed);
      appendResult(out, result);
      known.push(result);
    }
  }
  const shown = rows.flatMap((row) => seeds.flatMap((seed) => isOf(row, seed) ?? []));
  const validations = Object.keys(preset.validations);
  const claims = formatClaims(shown, rows, validations);
  process.stdout.write(`${formatTable(shown, rows, validations)}\n${claims && `\n${claims}\n`}`);
  progress(`results in ${path.relative(process.cwd(), out)}`);
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
