#!/usr/bin/env node
// Makes a fresh clone ready to run: packages, build, a WebGPU adapter and, with --browser, a Chromium; with --no-adapter
// nothing of the system's, for what runs on processors too.
// Runs before every command, so it looks first and does only what is missing. Exit code 1: a step failed;
// 2: the machine lacks something that this may not install, and the message says the command that does.
import path from "node:path";
import { parseArgs } from "node:util";
import { probeAdapter, rememberedAdapter } from "./lib/adapter.mjs";
import { build, buildFresh } from "./lib/build.mjs";
import { findChromium } from "./lib/chromium.mjs";
import { progress, SetupError } from "./lib/errors.mjs";
import { installPackages, packagesInstalled } from "./lib/install.mjs";
import { withLock } from "./lib/lock.mjs";
import { root } from "./lib/paths.mjs";
import { describeSystem, installSystemPackages } from "./lib/system.mjs";
import { chromiumPlan, softwareAdapterPlan } from "./lib/system-packages.mjs";

async function setup({ browser, "no-adapter": noAdapter }) {
  if (!packagesInstalled() || !buildFresh()) {
    await withLock(path.join(root, ".setup.lock"), "setting up", async () => {
      if (!packagesInstalled()) await installPackages();
      if (!buildFresh()) await build();
    });
  }
  if (!noAdapter && rememberedAdapter() === undefined) await ensureAdapter();
  if (browser && findChromium() === undefined) await ensureChromium();
}

async function ensureAdapter() {
  const first = await probeAdapter();
  if (first.adapter !== undefined) return;
  const plan = softwareAdapterPlan(describeSystem());
  const problem = "no WebGPU adapter answers on this machine (no GPU driver that Dawn accepts)";
  if (!plan.automatic) throw new SetupError(`${problem}; ${plan.advice}`, 2);
  progress("tests, training and benchmarks need a WebGPU adapter; detect and evaluate do not");
  await installSystemPackages(plan, "a software WebGPU adapter", answers);
  const { adapter, output } = await probeAdapter();
  if (adapter === undefined) {
    throw new SetupError(`${problem}, even after: ${plan.script}\n${output.trimEnd()}`, 2);
  }
  progress(`WebGPU adapter: ${adapter.description}`);
}

async function answers() {
  return (await probeAdapter()).adapter !== undefined;
}

async function ensureChromium() {
  if (process.env.CHROME_PATH) {
    throw new SetupError(`CHROME_PATH is ${process.env.CHROME_PATH}, which is not a program`, 2);
  }
  const plan = chromiumPlan(describeSystem());
  const problem = "no Chromium was found for the browser tests";
  if (!plan.automatic) {
    throw new SetupError(`${problem}; ${plan.advice}\n(npm run test:node runs without one)`, 2);
  }
  await installSystemPackages(plan, "Chromium", () => findChromium() !== undefined);
  if (findChromium() === undefined) {
    throw new SetupError(`${problem}, even after: ${plan.script}`, 2);
  }
}

try {
  const flag = { type: "boolean", default: false };
  const { values } = parseArgs({ options: { browser: flag, "no-adapter": flag } });
  await setup(values);
} catch (error) {
  if (!(error instanceof SetupError) && !error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
  progress(error.message);
  process.exitCode = error.exitCode ?? 2;
}
