import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import path from "node:path";
import { readJson, writeJson } from "./cache.mjs";
import { progress, SetupError } from "./errors.mjs";
import { cacheDir, relative, root } from "./paths.mjs";
import { run } from "./run.mjs";

const stampFile = path.join(cacheDir, "build.json");

/** What a build does, in order; `tsc -b` itself skips the projects that are up to date. */
const steps = [
  { name: "WebAssembly kernels", run: kernels },
  { name: "tsc -b", run: compile },
  { name: "bundles", run: bundle },
];

/** Whether the outputs come from the sources as they are now. */
export function buildFresh() {
  const stamp = readJson(stampFile);
  if (stamp === undefined) return false;
  const projects = listProjects();
  return (
    projects.every((project) => existsSync(path.join(project, "dist/.tsbuildinfo"))) &&
    JSON.stringify(stamp.sources) === JSON.stringify(sourceStamps(projects))
  );
}

/** Builds everything, and removes outputs whose source is gone, so that no deleted test still runs. */
export async function build() {
  progress("building");
  const projects = listProjects();
  const sources = sourceStamps(projects);
  for (const project of projects) removeOrphans(project);
  for (const step of steps) await step.run();
  writeJson(stampFile, { sources });
}

async function compile() {
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const result = await run(process.execPath, [tsc, "-b", "--pretty", "false"], { cwd: root });
  if (result.code !== 0) throw new SetupError(`tsc -b failed:\n${result.output.trimEnd()}`);
}

/** Loaded only now, as it loads this file. */
async function kernels() {
  const { buildKernels } = await import("./kernels-wasm.mjs");
  await buildKernels();
}

/** Loads esbuild only now: setup runs before packages are installed. */
async function bundle() {
  const { bundleDetector, bundlePrograms } = await import("./bundle.mjs");
  await bundleDetector();
  await bundlePrograms();
}

function listProjects() {
  const config = readJson(path.join(root, "tsconfig.json"));
  if (config === undefined) throw new SetupError("tsconfig.json is missing or not plain JSON");
  return config.references.map((reference) => path.join(root, reference.path));
}

/** Size and time of every file that the build reads. */
function sourceStamps(projects) {
  const files = [path.join(root, "tsconfig.json"), path.join(root, "tsconfig.base.json")];
  for (const project of projects) {
    files.push(path.join(project, "tsconfig.json"), path.join(project, "package.json"));
    files.push(
      ...listFiles(path.join(project, "src")),
      ...listFiles(path.join(project, "assembly")),
    );
  }
  const stamps = {};
  for (const file of files) {
    const info = statSync(file, { throwIfNoEntry: false });
    if (info !== undefined) stamps[relative(file)] = `${info.size} ${info.mtimeMs}`;
  }
  return stamps;
}

/** Folders of `dist` whose files come from many sources: those who bundle them keep them tidy. */
const BUNDLES = /^(browser|program)[\\/]/;

function removeOrphans(project) {
  const dist = path.join(project, "dist");
  for (const file of listFiles(dist)) {
    if (BUNDLES.test(path.relative(dist, file))) continue;
    const match = /^(.*?)(\.d\.ts|\.js)(\.map)?$/.exec(path.relative(dist, file));
    if (match !== null && !existsSync(path.join(project, "src", `${match[1]}.ts`))) rmSync(file);
  }
}

/** Every file below `folder` but those of installed packages, sorted; none where it does not exist. */
export function listFiles(folder) {
  if (!existsSync(folder)) return [];
  const files = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (!entry.isDirectory()) files.push(full);
    else if (entry.name !== "node_modules") files.push(...listFiles(full));
  }
  return files.sort();
}
