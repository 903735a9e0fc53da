#!/usr/bin/env node
// Makes the API reference from the sources' comments: docs/reference/site/index.html. Exit code 1: npm or typedoc failed.
import path from "node:path";
import { progress, SetupError } from "./lib/errors.mjs";
import { installPackages, packagesInstalled } from "./lib/install.mjs";
import { root } from "./lib/paths.mjs";
import { run } from "./lib/run.mjs";

const folder = path.join(root, "docs/reference");

try {
  if (!packagesInstalled(folder)) await installPackages(folder);
  const typedoc = path.join(folder, "node_modules/typedoc/bin/typedoc");
  const args = [typedoc, "--options", path.join(folder, "typedoc.json")];
  const { code, output } = await run(process.execPath, args, { cwd: folder });
  process.stderr.write(output);
  process.exitCode = code === 0 ? 0 : 1;
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  progress(error.message);
  process.exitCode = error.exitCode;
}
