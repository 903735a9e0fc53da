import { mkdirSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { build } from "esbuild";
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
  mkdirSync(outdir, { recursive: true });
  for (const file of readdirSync(outdir)) rmSync(path.join(outdir, file));
  await build({
    entryPoints: { retinaface: path.join(root, "packages/retinaface/dist/index.js") },
    outdir,
    splitting: true,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "eof",
    logLevel: "warning",
  });
}
