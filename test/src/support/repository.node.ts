import { mkdirSync, mkdtempSync } from "node:fs";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The repository's root folder. */
export const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Imports a plain JavaScript module of the repository, e.g. `tools/check-imports.mjs`. */
export function importTool<T>(file: string): Promise<T> {
  return import(pathToFileURL(path.join(repository, file)).href);
}

/**
 * Makes an empty folder inside node_modules, where modules written to it find the project's packages.
 * The caller removes it.
 */
export function temporaryFolder(name: string): string {
  const parent = path.join(repository, "node_modules/.cache/retinaface-webgpu/tests");
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(path.join(parent, `${name}-`));
}
