#!/usr/bin/env node
/**
 * Trains an embedding network by each loss with several seeds, all else alike, and prints what their validations come to: the
 * mean over the seeds, and the least and the largest.
 *
 *     node tools/compare-losses.mjs --data herd --config packages/identify/recipes/cattle.yaml --out losses -- --steps 250
 *
 * What stands behind `--` goes to each run of `identify train`. Runs that have ended are not run again.
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

const TRAIN = ["packages/identify/dist/cli/main.js", "train"];

/** Scale and margins for tens of identities rather than for the faces of the whole web. */
const LOSSES = {
  arcface: { "loss-scale": 32, margin: 0.3 },
  cosface: { "loss-scale": 32, margin: 0.2 },
  softmax: { "loss-scale": 32 },
  triplet: { margin: 0.2 },
};

const COLUMNS = [
  ["rank 1, seen", ({ seen }) => seen.rank1],
  ["rank 5, seen", ({ seen }) => seen.rank5],
  ["rank 1, kept back", ({ unseen }) => unseen?.rank1],
  ["rank 5, kept back", ({ unseen }) => unseen?.rank5],
];

/** The last validation of a run that has ended. */
async function ended(folder) {
  try {
    await readFile(join(folder, "final.safetensors"));
    const lines = (await readFile(join(folder, "metrics.jsonl"), "utf8")).trim().split("\n");
    return lines.map((line) => JSON.parse(line)).findLast(({ kind }) => kind === "validation");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function train({ loss, seed }, { data, out, base }, options) {
  const folder = join(out, `${loss}-${seed}`);
  const before = await ended(folder);
  if (before) return { loss, ...before };
  const config = join(out, `${loss}.yaml`);
  const own = Object.entries({ loss, ...LOSSES[loss] }).map(([key, value]) => `${key}: ${value}`);
  await writeFile(config, [...base, ...own, ""].join("\n"));
  const where = ["--data", data, "--out", folder, "--config", config, "--seed", String(seed)];
  const args = [...TRAIN, ...where, "--overwrite", ...options];
  try {
    await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 28 });
  } catch (cause) {
    console.error(`${folder} failed; run this again once it is mended\n${cause.stderr}`);
    process.exit(1);
  }
  process.stderr.write(`${folder} has ended\n`);
  return { loss, ...(await ended(folder)) };
}

const three = (value) => value.toFixed(3);

function row(loss, runs) {
  const cells = COLUMNS.map(([, figure]) => {
    const values = runs.map(figure).filter((value) => value !== undefined);
    if (values.length === 0) return "–";
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return `${three(mean)} (${three(Math.min(...values))}–${three(Math.max(...values))})`;
  });
  return `| ${[loss, ...cells].join(" | ")} |`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    config: { type: "string" },
    out: { type: "string" },
    seeds: { type: "string", default: "1,2,3" },
    jobs: { type: "string", default: "1" },
  },
});
const { data, config, out } = values;
const [seeds, jobs] = [values.seeds.split(",").map(Number), Number(values.jobs)];
if (!data || !config || !out || ![...seeds, jobs].every((n) => Number.isSafeInteger(n) && n > 0)) {
  console.error(
    "usage: --data DIR --config FILE --out DIR [--seeds 1,2,3] [--jobs 1] [-- options of train]",
  );
  process.exit(2);
}
const lines = (await readFile(config, "utf8")).split("\n");
const base = lines.filter((line) => !/^(loss|loss-scale|margin):/.test(line));
await mkdir(out, { recursive: true });
const waiting = seeds.flatMap((seed) => Object.keys(LOSSES).map((loss) => ({ loss, seed })));
const done = [];
const work = async () => {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    done.push(await train(next, { data, out, base }, positionals));
  }
};
await Promise.all(Array.from({ length: jobs }, work));
const head = ["loss", ...COLUMNS.map(([name]) => name)];
console.log(`| ${head.join(" | ")} |\n|${" --- |".repeat(head.length)}`);
for (const loss of Object.keys(LOSSES)) {
  const runs = done.filter((run) => run.loss === loss);
  console.log(row(loss, runs));
}
