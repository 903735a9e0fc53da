import path from "node:path";
import { build } from "esbuild";
import { root } from "../environment.js";

/** The public names with every operation's gradient, which TensorFlow.js's build for Node leaves out. */
const ENTRY = `
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-backend-webgpu";
export * from "@tensorflow/tfjs-core";
`;

/** Bundles TensorFlow.js from its modules, as an application would. @param file a `.cjs` */
export async function bundleTfjs(file: string): Promise<void> {
  await build({
    stdin: { contents: ENTRY, resolveDir: path.join(root, "bench") },
    bundle: true,
    platform: "browser",
    format: "cjs",
    outfile: file,
    logLevel: "error",
    external: ["crypto", "util", "node-fetch", "string_decoder"],
  });
}
