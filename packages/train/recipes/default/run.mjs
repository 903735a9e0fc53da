#!/usr/bin/env node
// Trains the default weights: node packages/train/recipes/default/run.mjs --data ../shared --out DIR [--resume] [--workers N]
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { drawPictures } from "./draw.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const command = path.join(here, "../../dist/program/main.js");
const SEED = 7;

const { values } = parseArgs({
  options: {
    data: { type: "string", default: path.join(here, "../../../../../shared") },
    out: { type: "string" },
    cache: { type: "string" },
    resume: { type: "boolean" },
    workers: { type: "string" },
  },
});
if (!values.out) {
  console.error("run.mjs: --out FOLDER is missing");
  process.exit(2);
}
const drawn = path.join(values.out, "drawn");
if (!existsSync(drawn)) drawPictures(drawn, SEED);
const { status } = spawnSync(
  process.execPath,
  [
    command,
    "distill",
    ...["--recipe", path.join(here, "recipe.json"), "--data", values.data, "--out", values.out],
    ...(values.cache ? ["--cache", values.cache] : []),
    ...(values.resume ? ["--resume"] : []),
    ...(values.workers ? ["--workers", values.workers] : []),
  ],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
