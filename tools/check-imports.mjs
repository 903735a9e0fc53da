#!/usr/bin/env node
// Checks what the compiler does not: packages import only downwards, through package names that their
// package.json declares, and so do the rooms inside a package; no files import each other in a circle; Node
// built-ins and globals stay in files meant for Node; files stay short; tests reach the shared data folder through
// one helper. Usage: check-imports.mjs [ROOT]. Exit code 1 on a finding.
import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { listFiles } from "./lib/build.mjs";
import { circlesOf, importsOf, sourceOf, withoutComments } from "./lib/import-graph.mjs";
import { root } from "./lib/paths.mjs";

/** Lowest first: each layer may import only those before it. */
const layers = [
  "kernels-wgsl",
  "kernels-wasm",
  "tensor",
  "onnx",
  "mesh",
  "retinaface",
  "train",
  "identify",
];

/**
 * Rooms of a package, lowest first: a file imports from its own level and from those before it. Folders not named, and
 * files beside them, are above all.
 */
const rooms = {
  tensor: [
    ["platform", "core", "device", "wasm"],
    ["ops"],
    ["autograd"],
    ["nn", "checkpoint"],
    ["optim"],
    ["compile"],
  ],
};

const LONG_FILE = 400;
const TOO_LONG_FILE = 500;

const nodeOnlyFile = /(^|\/)(platform\/node|cli\/.*|[^/]*\.node(\.test)?)\.ts$/;
const nodeOnlyRemedy = "only platform/node.ts, *.node.ts, *.node.test.ts and cli/ may";
const sharedHelper = /^test\/src\/support\/shared[^/]*\.ts$/;
const nodeGlobals = /(?<![\w.$])(?:process\.[a-z]\w*|Buffer\.[a-z]\w*|__dirname|__filename)/;
const sharedPath = /["'`](?:(?:\.\.\/)*shared\/|(?:\.\.\/)+shared["'`])|RETINAFACE_SHARED/;

/**
 * @param {string} folder the root of a tree laid out like this repository
 * @returns {{errors: string[], warnings: string[]}} one line a finding: `file: what is wrong`
 */
export function checkTree(folder) {
  const findings = { errors: [], warnings: [] };
  for (const [rank, layer] of layers.entries()) checkLayer(folder, layer, rank, findings);
  for (const file of sources(folder, "test/src")) {
    checkLength(file, findings);
    checkNodeUse(file, findings);
    if (!sharedHelper.test(file.name) && sharedPath.test(withoutComments(file.text))) {
      findings.errors.push(`${file.name}: reads the shared folder; go through support/shared.ts`);
    }
  }
  for (const below of ["tools", "bench", "examples"]) {
    for (const file of sources(folder, below)) checkLength(file, findings);
  }
  return findings;
}

function checkLayer(folder, layer, rank, findings) {
  const packageFolder = path.join(folder, "packages", layer);
  const manifest = readManifest(packageFolder);
  const files = sources(folder, `packages/${layer}/src`);
  checkCircles(files, packageFolder, manifest, findings);
  for (const file of files) {
    checkLength(file, findings);
    checkRooms(file, packageFolder, rooms[layer] ?? [], findings);
    checkNodeUse(file, findings);
    checkNodeGlobals(file, findings);
    for (const specifier of importsOf(file.text)) {
      const problem = specifier.startsWith(".")
        ? outsidePackage(file.path, packageFolder, specifier)
        : upwardOrUndeclared(folder, manifest, rank, specifier);
      if (problem !== undefined)
        findings.errors.push(`${file.name}: imports "${specifier}": ${problem}`);
    }
  }
}

function checkCircles(files, packageFolder, manifest, findings) {
  const names = new Map(files.map(({ path, name }) => [path, name]));
  const targets = (file, specifier) => {
    if (specifier.startsWith(".")) return [sourceOf(file, specifier)];
    return ownFiles(packageFolder, manifest.imports?.[specifier]);
  };
  const imports = new Map(
    files.map((file) => [file.path, importsOf(file.text).flatMap((s) => targets(file.path, s))]),
  );
  for (const circle of circlesOf(imports)) {
    const [first, ...rest] = circle.map((file) => names.get(file));
    findings.errors.push(
      `${first}: a circle of imports with ${rest.join(", ") || "itself"}; move what they share below them`,
    );
  }
}

/** The sources that a name such as `#platform` may stand for, one for each condition. */
function ownFiles(packageFolder, conditions = {}) {
  return Object.values(conditions)
    .filter((target) => target.endsWith(".js"))
    .map((target) => path.join(packageFolder, target.replace("/dist/", "/src/")))
    .map((target) => target.replace(/\.js$/, ".ts"));
}

function checkRooms(file, packageFolder, levels, findings) {
  const levelOf = (target) => {
    const [room] = path.relative(path.join(packageFolder, "src"), target).split(path.sep);
    const level = levels.findIndex((names) => names.includes(room));
    return { room, level: level < 0 ? levels.length : level };
  };
  const from = levelOf(file.path);
  for (const specifier of importsOf(file.text)) {
    if (!specifier.startsWith(".")) continue;
    const to = levelOf(sourceOf(file.path, specifier));
    if (to.level > from.level) {
      findings.errors.push(
        `${file.name}: imports "${specifier}": ${from.room} is below ${to.room} in this package`,
      );
    }
  }
}

function readManifest(packageFolder) {
  const file = path.join(packageFolder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

function outsidePackage(file, packageFolder, specifier) {
  const target = path.resolve(path.dirname(file), specifier);
  if (target.startsWith(path.join(packageFolder, "src") + path.sep)) return undefined;
  return "outside the package's src; import other packages by name";
}

function upwardOrUndeclared(folder, manifest, rank, specifier) {
  if (specifier.startsWith("#") || isBuiltin(specifier)) return undefined;
  const name = packageName(specifier);
  if (name === manifest.name) return "a package imports its own files by relative path";
  const target = layers.findIndex(
    (layer) => readManifest(path.join(folder, "packages", layer)).name === name,
  );
  if (target > rank) return `${layers[rank]} is a lower layer than ${layers[target]}`;
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies };
  if (declared[name] === undefined) return "not among the dependencies in package.json";
  return undefined;
}

function checkNodeUse(file, findings) {
  if (nodeOnlyFile.test(file.name)) return;
  for (const specifier of importsOf(file.text)) {
    if (isBuiltin(specifier)) {
      findings.errors.push(
        `${file.name}: imports the Node built-in "${specifier}"; ${nodeOnlyRemedy}`,
      );
    }
  }
}

function checkNodeGlobals(file, findings) {
  if (nodeOnlyFile.test(file.name)) return;
  const text = withoutComments(file.text);
  const global = nodeGlobals.exec(text);
  if (global === null || importsName(text, global[0].split(".")[0])) return;
  findings.errors.push(`${file.name}: uses Node's ${global[0]}; ${nodeOnlyRemedy}`);
}

/** Whether a name such as `Buffer` is another module's here. */
function importsName(text, name) {
  return new RegExp(`^import (?:type )?\\{[^}]*\\b${name}\\b[^}]*\\} from`, "m").test(text);
}

function checkLength(file, findings) {
  const lines = file.text.split("\n").length - 1;
  const finding = `${file.name}: ${lines} lines; split it (aim at ${LONG_FILE}, at most ${TOO_LONG_FILE})`;
  if (lines > TOO_LONG_FILE) findings.errors.push(finding);
  else if (lines > LONG_FILE) findings.warnings.push(finding);
}

function isBuiltin(specifier) {
  return specifier.startsWith("node:") || builtinModules.includes(specifier);
}

function packageName(specifier) {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function sources(folder, below) {
  return listFiles(path.join(folder, below))
    .map((file) => ({ path: file, name: path.relative(folder, file).split(path.sep).join("/") }))
    .filter(({ name }) => /\.(ts|mts|mjs|js)$/.test(name) && !/\/(dist|site)\//.test(name))
    .map((file) => ({ ...file, text: readFileSync(file.path, "utf8") }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { errors, warnings } = checkTree(path.resolve(process.argv[2] ?? root));
  for (const line of warnings) console.error(`warning: ${line}`);
  for (const line of errors) console.error(`error: ${line}`);
  process.exitCode = errors.length > 0 ? 1 : 0;
}
