#!/usr/bin/env node
// Tries every runtime of lib/runtimes.mjs with lib/smoke.mjs: load, detect, one training step, end by itself. Prints a
// row of a Markdown table for each; exit code 1 if one fails or gives other numbers than the first.
import { progress, SetupError } from "./lib/errors.mjs";
import { installRuntimes, runSmoke, versionOf } from "./lib/runtimes.mjs";

const STEPS = 1;
const TIMEOUT_MS = 300_000;
/** Faces of the sample picture. */
const FACES = 3;
/** Relative difference of losses between adapters' compilers. */
const TOLERANCE = 1e-4;

async function tryRuntime(runtime, expected) {
  const started = performance.now();
  const { adapter, faces, losses } = await runSmoke(runtime, STEPS, TIMEOUT_MS);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (faces !== FACES) throw new SetupError(`${runtime.name}: ${faces} faces instead of ${FACES}`);
  const [loss] = losses;
  if (!(Math.abs(loss - (expected ?? loss)) <= TOLERANCE * Math.abs(loss))) {
    throw new SetupError(`${runtime.name}: a loss of ${loss} instead of ${expected}`);
  }
  const version = await versionOf(runtime);
  console.log(`| ${runtime.name.split(" ")[0]} ${version} | ${adapter} | ${loss} | ${seconds} s |`);
  return loss;
}

try {
  const runtimes = await installRuntimes();
  console.log(`| runtime | adapter | loss of the first step | time |`);
  console.log("| --- | --- | ---: | ---: |");
  let expected;
  for (const runtime of runtimes) {
    try {
      const loss = await tryRuntime(runtime, expected);
      expected ??= loss;
    } catch (error) {
      console.log(`FAIL ${error.message}`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  progress(error.message);
  process.exitCode = error.exitCode;
}
