import path from "node:path";
import { readJson } from "./cache.mjs";
import { progress, SetupError } from "./errors.mjs";
import { root } from "./paths.mjs";
import { run } from "./run.mjs";

/**
 * Whether node_modules holds exactly what package-lock.json asks for, by content, not by time: a checkout
 * that only touches the lock file must not send an offline machine to the registry.
 */
export function packagesInstalled(folder = root) {
  const wanted = readJson(path.join(folder, "package-lock.json"))?.packages;
  const present = readJson(path.join(folder, "node_modules/.package-lock.json"))?.packages;
  if (wanted === undefined)
    throw new SetupError(`${folder}/package-lock.json is missing or damaged`);
  if (present === undefined) return false;
  return Object.entries(wanted).every(([name, entry]) => {
    if (!/(^|\/)node_modules\//.test(name)) return true;
    const found = present[name];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/** Installs the locked packages. No package here needs its install script. */
export async function installPackages(folder = root) {
  progress("installing packages (npm ci)");
  const npm = process.env.npm_execpath?.endsWith("npm-cli.js")
    ? [process.execPath, process.env.npm_execpath]
    : ["npm"];
  const args = ["ci", "--ignore-scripts", "--include=dev", "--include=optional"];
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const result = await run(npm[0], [...npm.slice(1), ...args, ...quiet], { cwd: folder });
  if (result.code !== 0) {
    throw new SetupError(`npm ci failed (exit ${result.code}):\n${result.output.trimEnd()}`);
  }
}
