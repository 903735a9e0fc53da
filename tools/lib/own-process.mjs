import { readFileSync } from "node:fs";
import path from "node:path";
import { importsOf } from "./import-graph.mjs";

/** What all of a process shares: its state, programs that it starts, globals, flags of V8. Variables and platform are only read. */
const OF_THE_PROCESS =
  /\bprocess\.(?!env\.\w+\b(?! =)|platform\b|version\b)|\bdelete process\b|node:(child_process|cluster|process|v8|worker_threads)\b|\b(globalThis|Atomics)\b/;

/**
 * Tells which test files may share a process with others, as they and the helpers that they import from `folder` name nothing
 * that belongs to the process as a whole.
 * @param {string} folder of the compiled tests
 * @returns {(file: string) => boolean}
 */
export function processSharing(folder) {
  const known = new Map();
  const harmless = (file) => {
    if (known.has(file)) return known.get(file);
    // Holds for a circle that leads back here.
    known.set(file, true);
    const text = readFileSync(file, "utf8");
    const answer =
      !OF_THE_PROCESS.test(text) &&
      importsOf(text)
        .filter((name) => /^\.\.?\//.test(name))
        .map((name) => path.resolve(path.dirname(file), name))
        .filter((imported) => imported.startsWith(folder + path.sep))
        .every(harmless);
    known.set(file, answer);
    return answer;
  };
  return harmless;
}
