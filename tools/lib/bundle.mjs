import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { readJson } from "./cache.mjs";
import { root } from "./paths.mjs";

/**
 * As deep below the package as the modules that it is made of: `new URL("../../weights/…", import.meta.url)`
 * in them names the same file.
 */
const outdir = path.join(root, "packages/retinaface/dist/browser");

/**
 * Bundles the compiled detector into a module that a page can import as it is. What is imported only when it is needed,
 * the WebAssembly engine, lies in files of its own beside it.
 */
export async function bundleDetector() {
  await bundleInto(outdir, {
    entryPoints: { retinaface: path.join(root, "packages/retinaface/dist/index.js") },
    minify: true,
    platform: "browser",
    target: "es2022",
    legalComments: "eof",
  });
}

/** The packages with a program, each with the modules that its program starts as threads. */
const PROGRAMS = {
  retinaface: ["retinaface/dist/image/decode-thread.node.js"],
  train: [
    "retinaface/dist/image/decode-thread.node.js",
    "train/dist/augment/worker.node.js",
    "train/dist/distill/view-worker.node.js",
  ],
  identify: ["retinaface/dist/image/decode-thread.node.js"],
};

/**
 * Bundles the compiled programs, ours alone: Node takes 0.45 s of processor time to `retinaface --help` where its 270
 * modules one by one take 0.9 s, and `retinaface-train` 0.8 s instead of 1.4 (2 cores, Node 20, 2026-11-29, loaded).
 * Threads lie beside the program, as they are started by a name beside the module that starts them.
 */
export async function bundlePrograms() {
  for (const [name, threads] of Object.entries(PROGRAMS)) {
    const modules = [`${name}/dist/cli/main.js`, ...threads];
    const [main, ...others] = modules.map((file) => path.join(root, "packages", file));
    const external = ["webgpu", ...libraries()];
    await bundleInto(path.join(root, "packages", name, "dist/program"), {
      entryPoints: [main, ...others],
      entryNames: "[name]",
      plugins: [await keepTogether(main, external)],
      // Of what `keepTogether` imports for nothing.
      logOverride: { "ignored-bare-import": "silent" },
      minifySyntax: true,
      minifyWhitespace: true,
      platform: "node",
      target: "node20",
      external,
    });
  }
}

/**
 * Keeps what a program begins with in one file. esbuild makes a file for each set of modules that the same entries reach,
 * and what is loaded later is an entry too: `retinaface` began with 57 files. Here all that is loaded later imports what the
 * program has begun with, which changes nothing when it runs, and there are two: one more for what threads use as well. The
 * imports stand in a module around the one that is loaded later: in itself they would lead in circles.
 */
async function keepTogether(main, external) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [main],
    outdir,
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    external,
  });
  const first = metafile.inputs[path.relative(root, main)].imports
    .filter(({ kind, external }) => kind === "import-statement" && !external)
    .map((imported) => `import "./${imported.path}";`);
  const ours = path.join(root, "packages") + path.sep;
  return {
    name: "keep-together",
    setup: ({ onResolve, onLoad, resolve }) => {
      onResolve({ filter: /./ }, async ({ path: name, kind, pluginData, ...from }) => {
        if (kind !== "dynamic-import" || pluginData === keepTogether) return undefined;
        const { importer, resolveDir } = from;
        const found = await resolve(name, { kind, importer, resolveDir, pluginData: keepTogether });
        if (found.external || !found.path.startsWith(ours)) return found;
        return { path: path.relative(root, found.path), namespace: "later" };
      });
      onLoad({ filter: /./, namespace: "later" }, ({ path: file }) => ({
        contents: [...first, `export * from "./${file}";`].join("\n"),
        resolveDir: root,
      }));
    },
  };
}

/**
 * Bundles modules, shared ones in files of their own, and leaves nothing else in the folder. A file that is the same stays, and
 * another takes its place at once: who reads the folder meanwhile finds all modules, whole. Names do not depend on the
 * folder that it is called in, as those of `npm run` and of `npm pack` differ.
 */
async function bundleInto(folder, options) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    outdir: folder,
    splitting: true,
    bundle: true,
    format: "esm",
    write: false,
    logLevel: "warning",
    ...options,
  });
  mkdirSync(folder, { recursive: true });
  const made = new Set(outputFiles.map((file) => path.basename(file.path)));
  for (const file of outputFiles) replace(file.path, file.contents);
  for (const file of readdirSync(folder)) {
    if (!made.has(file) && !file.endsWith(".part")) rmSync(path.join(folder, file));
  }
}

function replace(file, contents) {
  if (existsSync(file) && readFileSync(file).equals(contents)) return;
  const fresh = `${file}.${process.pid}.part`;
  writeFileSync(fresh, contents);
  renameSync(fresh, file);
}

/** What our packages depend on and is not ours. */
function libraries() {
  const packages = readdirSync(path.join(root, "packages")).map((name) =>
    readJson(path.join(root, "packages", name, "package.json")),
  );
  const ours = new Set(packages.map((manifest) => manifest?.name));
  const named = packages.flatMap((manifest) => [
    ...Object.keys(manifest?.dependencies ?? {}),
    ...Object.keys(manifest?.peerDependencies ?? {}),
  ]);
  return [...new Set(named)].filter((name) => !ours.has(name));
}
