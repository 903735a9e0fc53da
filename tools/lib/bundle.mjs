import path from "node:path";
import { build } from "esbuild";
import { root } from "./paths.mjs";

/**
 * As deep below the package as the modules that it is made of: `new URL("../../weights/…", import.meta.url)`
 * in them names the same file.
 */
const outfile = path.join(root, "packages/retinaface/dist/browser/retinaface.js");

/** Bundles the compiled detector into one module that a page can import as it is. */
export async function bundleDetector() {
  await build({
    entryPoints: [path.join(root, "packages/retinaface/dist/index.js")],
    outfile,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    legalComments: "eof",
    logLevel: "warning",
  });
}
