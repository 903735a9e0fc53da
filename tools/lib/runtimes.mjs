import { existsSync } from "node:fs";
import path from "node:path";
import { DENO_ENVIRONMENT, DENO_RUN, denoProgram } from "./deno.mjs";
import { SetupError } from "./errors.mjs";
import { installPackages, packagesInstalled } from "./install.mjs";
import { root } from "./paths.mjs";
import { run } from "./run.mjs";

const folder = path.join(root, "tools/runtimes");
const SMOKE = path.join(root, "tools/lib/smoke.mjs");
const NODE_VERSIONS = [20, 22, 24, 26];
const PLATFORM = `${process.platform}-${process.arch}`;
/** The same in Bun's words. */
const BUN_PLATFORM = PLATFORM.replace("arm64", "aarch64");

/**
 * @typedef {object} Runtime
 * @property {string} name
 * @property {string} program
 * @property {readonly string[]} args before the name of a file
 */

/** Deno, as the suite runs it. @returns {Runtime} */
export function deno() {
  return { name: "Deno", program: denoProgram(), args: DENO_RUN };
}

/**
 * The runtimes of tools/runtimes and Deno, installed first where they are not: npm's `bun` and
 * the packages that npm's `node` would install by a script, under names with the major version.
 * @returns {Promise<Runtime[]>}
 * @throws SetupError where npm fails or has no such program for this platform
 */
export async function installRuntimes() {
  if (!packagesInstalled(folder)) await installPackages(folder);
  const nodes = NODE_VERSIONS.map((version) => ({
    name: `Node ${version}`,
    program: installed(`node-${version}-${PLATFORM}/bin/node`),
    args: [],
  }));
  const bun = { name: "Bun", program: installed(`@oven/bun-${BUN_PLATFORM}/bin/bun`), args: [] };
  return [...nodes, deno(), bun];
}

function installed(file) {
  const program = path.join(folder, "node_modules", file);
  if (existsSync(program)) return program;
  throw new SetupError(`tools/runtimes has no ${file}: it covers linux-x64 and linux-arm64`, 2);
}

/**
 * Runs smoke.mjs in a runtime, which must end by itself.
 * @param {Runtime} runtime
 * @param {number} steps of training
 * @param {number} timeoutMs
 * @returns {Promise<{adapter: string, faces: number, losses: number[]}>}
 * @throws SetupError with all that it printed, where it fails or does not end
 */
export async function runSmoke({ name, program, args }, steps, timeoutMs) {
  const env = { ...process.env, ...DENO_ENVIRONMENT };
  const command = [...args, SMOKE, String(steps)];
  const { code, stdout, output } = await run(program, command, { cwd: root, env, timeoutMs });
  const line = stdout.trim().split("\n").at(-1);
  if (code === 0 && line.startsWith("{")) return JSON.parse(line);
  const how = code === 124 ? `did not end within ${timeoutMs / 1000} s` : `exit code ${code}`;
  throw new SetupError(`${name}: ${how}\n${output.trim()}`);
}

/** What a program says of its version, without its name. */
export async function versionOf({ program }) {
  const { output } = await run(program, ["--version"], { timeoutMs: 60_000 });
  return /\d+\.\d+\.\d+/.exec(output)?.[0] ?? "unknown";
}
