#!/usr/bin/env node
/** `npm run bench:peers`: the same work by other libraries on the same adapter, in turn. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import path from "node:path";
import { Device } from "@retinaface-webgpu/tensor";
import { describeEnvironment } from "../environment.js";
import { findBenchWeights } from "../network.js";
import { type BenchOptions, parseOptions, reportFailure, UsageError } from "../options.js";
import { planResults } from "../output.js";
import { CONTESTANTS, compareTask, Entrant, type TaskResult, TFJS_BUNDLE } from "./compare.js";
import { formatPeers, goalsOf, type PeersResult, peersChart } from "./report.js";
import { TASKS } from "./tasks.js";
import { bundleTfjs } from "./tfjs-bundle.js";

const progress = (text: string) => process.stderr.write(`bench: ${text}\n`);

/** What is measured where; the device is gone again before anything is timed. */
async function describe() {
  const device = await Device.create();
  const environment = describeEnvironment(device.adapter);
  const weights = await findBenchWeights(device);
  device.destroy();
  return { environment, weights };
}

/** Starts every library on an empty shader cache of its own. */
async function enter(folder: string, weights: string): Promise<Entrant[]> {
  const entrants: Entrant[] = [];
  const tfjs = path.join(folder, "tfjs.cjs");
  const unbundled = await bundleTfjs(tfjs).then(
    () => undefined,
    (error: Error) => error.message.split("\n")[0],
  );
  if (unbundled) progress(`TensorFlow.js is not bundled: ${unbundled}`);
  for (const contestant of CONTESTANTS) {
    const cache = await mkdtemp(path.join(folder, "cache-"));
    const args = contestant.args.map((arg) => (arg === TFJS_BUNDLE ? tfjs : arg));
    const entrant = new Entrant(
      { ...contestant, args },
      {
        MESA_SHADER_CACHE_DIR: cache,
        XDG_CACHE_HOME: cache,
        __GL_SHADER_DISK_CACHE_PATH: cache,
      },
    );
    entrants.push(entrant);
    await entrant.open(weights);
  }
  return entrants;
}

async function compare({ filter, quick }: BenchOptions): Promise<PeersResult> {
  const tasks = TASKS.filter(({ name }) => filter?.test(name) ?? true);
  if (tasks.length === 0) throw new UsageError(`nothing matches --filter ${filter?.source}`);
  const rounds = quick ? 3 : 9;
  const { environment, weights } = await describe();
  const folder = await mkdtemp(path.join(tmpdir(), "retinaface-peers-"));
  const entrants: Entrant[] = [];
  try {
    const file = path.join(folder, "weights");
    await writeFile(file, weights.bytes);
    entrants.push(...(await enter(folder, file)));
    const results: TaskResult[] = [];
    for (const task of tasks) {
      progress(task.name);
      results.push(await compareTask(task, entrants, rounds, progress));
    }
    return {
      environment,
      weights: weights.origin,
      rounds,
      tasks: results,
      starts: entrants.map(({ start }) => start),
      goals: goalsOf(results),
      loadAverageAfter: Number(loadavg()[0].toFixed(2)),
    };
  } finally {
    for (const entrant of entrants) await entrant.close();
    await rm(folder, { recursive: true, force: true });
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  const writeResults = await planResults("peers", ["times"], options);
  const result = await compare(options);
  const charts = new Map([["times", peersChart(result)]]);
  await writeResults({ result, table: formatPeers(result), charts });
} catch (error) {
  process.exitCode = reportFailure(error);
}
