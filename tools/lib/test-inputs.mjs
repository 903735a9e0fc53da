import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { driverState, probeAdapter, rememberedAdapter } from "./adapter.mjs";
import { listFiles } from "./build.mjs";
import { readJson } from "./cache.mjs";
import { chromiumState, chromiumVersion } from "./chromium.mjs";
import { relative, root } from "./paths.mjs";

/** Modules that show a test nothing of the machine but what every key covers; with any other it may read all. */
const HARMLESS = new Set(
  [
    ["fast-check", "fflate", "pngjs", "uvu", "uvu/assert", "webgpu"],
    ["node:assert", "node:buffer", "node:crypto", "node:events", "node:path", "node:perf_hooks"],
    ["node:stream", "node:timers", "node:timers/promises", "node:url", "node:util", "node:zlib"],
  ].flat(),
);

/** Ways to what is not imported: requests, workers, modules whose name is computed, files beside a module. */
const REACHES_OUT =
  /\bfetch\(|XMLHttpRequest|WebSocket|Worker\(|import\.meta|\bimport\((?!["'])|createRequire|getBuiltinModule/;

const VARIABLES =
  /^((RETINAFACE|NODE|DENO|VK|LP|MESA|LIBGL|GALLIUM|DAWN|LC)_.*|CHROME_PATH|HOME|LANG|LD_LIBRARY_PATH|TMPDIR|TZ|UPDATE_SNAPSHOTS|WITHHOLD|XDG_CACHE_HOME)$/;

/** Where a suite of its own (`--tests`) keeps its results; no part of the tree. */
export const RESULTS_FOLDER = ".results";

/** How each place chooses among the conditions of a package's exports and imports. */
const RESOLUTION = {
  node: { platform: "node" },
  deno: { platform: "node", conditions: ["deno"] },
  browser: { platform: "browser" },
};

/**
 * @typedef {object} Inputs
 * @property {string[]} files the built test file and everything it imports, installed packages left out
 * @property {boolean} wholeTree whether it may read or run more than it imports
 * @property {boolean} chromium whether it runs in Chromium or may start one
 */

/**
 * Follows the imports of test files.
 * @param {"node" | "deno" | "browser"} place
 * @param {{id: string, file: string}[]} tests
 * @returns {Promise<Map<string, Inputs>>} by the tests' ids; empty where an import leads nowhere
 */
export async function followImports(place, tests) {
  const contents = tests.map(({ file }) => `import ${JSON.stringify(file)};`).join("\n");
  try {
    const { metafile } = await build({
      stdin: { contents, resolveDir: root, sourcefile: "all-tests" },
      absWorkingDir: root,
      bundle: true,
      external: installedPackages(),
      format: "esm",
      ignoreAnnotations: true,
      logLevel: "silent",
      metafile: true,
      ...RESOLUTION[place],
      write: false,
    });
    const { imports } = metafile.inputs["all-tests"];
    return new Map(
      tests.map(({ id }, i) => [id, inputsOf(metafile.inputs, imports[i].path, place)]),
    );
  } catch {
    return new Map();
  }
}

function installedPackages() {
  const { packages } = readJson(path.join(root, "package-lock.json"));
  return Object.entries(packages)
    .filter(([name, { link }]) => /^node_modules\/(?!.*node_modules\/)/.test(name) && !link)
    .map(([name]) => name.slice("node_modules/".length));
}

function inputsOf(inputs, entry, place) {
  const names = new Set([entry]);
  let wholeTree = false;
  for (const name of names) {
    for (const { path: target, external } of inputs[name].imports) {
      if (!external) names.add(target);
      else if (!HARMLESS.has(target)) wholeTree = true;
    }
  }
  const files = [...names].sort().map((name) => path.resolve(root, name));
  wholeTree ||= files.some((file) => REACHES_OUT.test(readFileSync(file, "utf8")));
  return { files, wholeTree, chromium: wholeTree || place === "browser" };
}

/** What of the machine results depend on, as text: all but the files. */
export async function describeMachine() {
  const adapter = rememberedAdapter() ?? (await probeAdapter()).adapter;
  const variables = Object.entries(process.env).filter(([name]) => VARIABLES.test(name));
  return JSON.stringify([
    [process.version, process.execPath, availableParallelism()],
    [adapter, ...driverState()],
    variables.sort(),
  ]);
}

/** As `describeMachine`, for the results that depend on Chromium. */
export async function describeChromium() {
  return JSON.stringify([chromiumState(), await chromiumVersion()]);
}

/**
 * A digest of everything that each test's result depends on, as the files are now.
 * @param {Map<string, Inputs>} inputs by the tests' ids
 * @param {string} folder of the tests
 * @param {{machine: string, chromium: string}} described by the functions above; `chromium` is empty if none needs it
 * @returns {Map<string, string>} by the tests' ids
 */
export function digestInputs(inputs, folder, { machine, chromium }) {
  const digests = new Map();
  const digestFile = (file) => {
    if (!digests.has(file)) digests.set(file, `${relative(file)} ${sha256(contentOf(file))}`);
    return digests.get(file);
  };
  const base = sha256([machine, ...runnerFiles().map(digestFile)].join("\n"));
  let tree;
  const wholeTree = () => {
    tree ??= sha256([...treeFiles(folder).map(digestFile), ...sharedStamps()].join("\n"));
    return tree;
  };
  const keys = [...inputs].map(([id, test]) => {
    const parts = [id, base, ...test.files.map(digestFile)];
    parts.push(test.chromium ? chromium : "", test.wholeTree ? wholeTree() : "");
    return [id, sha256(parts.join("\n"))];
  });
  return new Map(keys);
}

function sha256(data) {
  return createHash("sha256").update(data).digest("hex");
}

/** Empty for what is no file, or went away since it was listed. */
function contentOf(file) {
  try {
    return readFileSync(file);
  } catch {
    return "";
  }
}

/** What runs the tests, and what says how their imports resolve. */
function runnerFiles() {
  const lock = readJson(path.join(root, "package-lock.json"));
  const workspaces = Object.keys(lock.packages).filter((name) => !name.includes("node_modules/"));
  return [
    ...listFiles(path.join(root, "tools")),
    ...["package-lock.json", "node_modules/.package-lock.json"].map((f) => path.join(root, f)),
    ...workspaces.map((name) => path.join(root, name, "package.json")),
  ];
}

/** The repository's files, those that were built too, and which packages the benchmark has. */
function treeFiles(folder) {
  const top = readdirSync(root, { withFileTypes: true })
    .filter(({ name }) => !/^(\.git|node_modules|\.setup\.lock.*)$/.test(name))
    .flatMap((entry) => {
      const full = path.join(root, entry.name);
      return entry.isDirectory() ? listFiles(full) : [full];
    });
  const tests = listFiles(folder).filter((file) => !file.includes(RESULTS_FOLDER));
  return [...top, ...tests, path.join(root, "bench/node_modules/.package-lock.json")];
}

/** Name, size and time of what lies in the shared folder: it is too large to be read. */
function sharedStamps() {
  const shared = path.resolve(process.env.RETINAFACE_SHARED || path.join(root, "../shared"));
  if (!existsSync(shared)) return ["no shared folder"];
  return listFiles(shared).map((file) => {
    const info = statSync(file, { throwIfNoEntry: false });
    return `${file} ${info?.size} ${info?.mtimeMs}`;
  });
}
