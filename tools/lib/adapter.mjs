import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { readJson, writeJson } from "./cache.mjs";
import { cacheDir, root } from "./paths.mjs";
import { run } from "./run.mjs";

const cacheFile = path.join(cacheDir, "adapter.json");
const probeFile = fileURLToPath(new URL("probe-adapter.mjs", import.meta.url));

const driverVariables = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES", "VK_ADD_DRIVER_FILES"];
const libraryFolders = [
  "/usr/lib",
  "/usr/lib64",
  "/usr/local/lib",
  `/usr/lib/${{ x64: "x86_64", arm64: "aarch64" }[process.arch] ?? process.arch}-linux-gnu`,
];

/** The adapter an earlier probe found, unless a version, a driver or a variable has changed since. */
export function rememberedAdapter() {
  const remembered = readJson(cacheFile);
  return remembered?.key === adapterKey() ? remembered.adapter : undefined;
}

/**
 * Asks Dawn for an adapter in a child process and remembers a positive answer.
 * @returns {Promise<{adapter: {description: string} | undefined, output: string}>}
 */
export async function probeAdapter() {
  const { stdout, output } = await run(process.execPath, [probeFile], {
    cwd: root,
    timeoutMs: 60_000,
  });
  let adapter;
  try {
    adapter = JSON.parse(stdout.trim().split("\n").at(-1)).adapter ?? undefined;
  } catch {
    adapter = undefined;
  }
  if (adapter !== undefined) writeJson(cacheFile, { key: adapterKey(), adapter });
  return { adapter, output };
}

/** Everything the answer depends on, as text: Dawn's version, the Vulkan drivers' files, variables. */
function adapterKey() {
  const webgpu = readJson(path.join(root, "node_modules/webgpu/package.json"))?.version;
  return [webgpu, ...driverState()].join("\n");
}

/** The platform, the Vulkan drivers' files and the variables that choose among them. */
export function driverState() {
  const variables = driverVariables.map((name) => `${name}=${process.env[name] ?? ""}`);
  return [process.platform, process.arch, ...variables, ...driverFiles()];
}

function driverFiles() {
  if (process.platform !== "linux") return [];
  const manifests = [
    "/etc/vulkan/icd.d",
    "/usr/share/vulkan/icd.d",
    "/usr/local/share/vulkan/icd.d",
  ]
    .concat(path.join(homedir(), ".local/share/vulkan/icd.d"))
    .flatMap((folder) =>
      existsSync(folder) ? readdirSync(folder).map((f) => path.join(folder, f)) : [],
    )
    .concat(driverVariables.flatMap((name) => process.env[name]?.split(":").filter(Boolean) ?? []));
  const libraries = manifests.map(driverLibrary).concat("libvulkan.so.1");
  return [...manifests, ...libraries.flatMap(libraryCandidates)]
    .map((file) => [file, statSync(file, { throwIfNoEntry: false })])
    .filter(([, info]) => info !== undefined)
    .map(([file, info]) => `${file} ${info.size} ${info.mtimeMs}`);
}

function driverLibrary(manifest) {
  try {
    const library = JSON.parse(readFileSync(manifest, "utf8")).ICD.library_path;
    return library.includes("/") ? path.resolve(path.dirname(manifest), library) : library;
  } catch {
    return manifest;
  }
}

function libraryCandidates(library) {
  return library.includes("/")
    ? [library]
    : libraryFolders.map((folder) => path.join(folder, library));
}
