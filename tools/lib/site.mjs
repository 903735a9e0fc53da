import { copyFileSync, cpSync, existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
import { root } from "./paths.mjs";
import { replaceSite } from "./site-folder.mjs";

const detector = path.join(root, "packages/retinaface");

/** The weights that ship with the package; absent until there are some. */
export const bundledWeights = path.join(detector, "weights/default.safetensors");

/** The pages, where they go in the site, and their scripts. */
const pages = [
  { from: "examples/browser", to: ".", scripts: ["dist/main.js", "dist/worker.js"] },
  {
    from: "examples/browser-finetune",
    to: "finetune",
    scripts: ["dist/main.js", "dist/worker.js"],
  },
  { from: "examples/webcam", to: "webcam", scripts: ["main.js"] },
];

/**
 * Writes a site of static files that any server can serve: the demo, and the other pages in folders of it.
 *
 * @param {string} folder new, empty, or one that this made: only what this made in it is replaced
 * @param {string} [weights] a checkpoint to serve as the pages' own
 * @throws SetupError where a file of somebody else's would be replaced
 */
export async function buildSite(folder, weights = bundledWeights) {
  await replaceSite(folder, [weights], (fresh) => writeSite(fresh, weights));
}

async function writeSite(folder, weights) {
  mkdirSync(path.join(folder, "weights"), { recursive: true });
  if (existsSync(weights)) {
    copyFileSync(weights, path.join(folder, "weights/default.safetensors"));
  }
  for (const page of pages) await buildPage(page, path.join(folder, page.to));
  copyFileSync(path.join(detector, "assets/sample.png"), path.join(folder, "sample.png"));
}

async function buildPage({ from, scripts }, folder) {
  const source = path.join(root, from);
  cpSync(source, folder, { recursive: true, filter: isStatic });
  await build({
    entryPoints: scripts.map((name) => path.join(source, name)),
    allowOverwrite: true,
    outdir: folder,
    bundle: true,
    splitting: true,
    minify: true,
    sourcemap: true,
    format: "esm",
    platform: "browser",
    // What @gltf-transform/core imports in Node alone.
    external: ["node:*"],
    target: "es2022",
    logLevel: "warning",
  });
}

/** What is served as it is: neither sources, nor what was made of them, nor what belongs to npm. */
function isStatic(file) {
  return !/[\\/](src|dist|node_modules)$|\.json$/.test(file);
}
