import path from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root folder. */
export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** What the tools remember between runs; it goes away with node_modules. */
export const cacheDir = path.join(root, "node_modules/.cache/retinaface-webgpu");

/** Forward slashes, relative to the root: how a file is named in messages and patterns. */
export function relative(file) {
  return path.relative(root, file).split(path.sep).join("/");
}
