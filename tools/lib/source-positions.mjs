import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** A position in a compiled module, as stacks name it. */
const POSITION = /((?:file:\/\/)?\/[^\s()]+\.js):(\d+):(\d+)/g;

/**
 * Has a text name lines of sources where it names lines of compiled files with a map beside them. Done to what a failing file printed:
 * with Node's `--enable-source-maps` every process reads the map of each module that it loads, a tenth of its time.
 * @param {string} text
 * @returns {string}
 */
export function inSources(text) {
  const maps = new Map();
  return text.replace(POSITION, (built, name, line, column) => {
    if (!maps.has(name)) maps.set(name, readMap(name));
    const { file, map } = maps.get(name);
    const entry = map?.findEntry(Number(line) - 1, Number(column) - 1);
    if (entry?.originalSource === undefined) return built;
    const source = path.resolve(path.dirname(file), entry.originalSource);
    return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  });
}

/** A module's file, and its map if it has one that can be read. */
function readMap(name) {
  try {
    const file = name.startsWith("file:") ? fileURLToPath(name) : name;
    return { file, map: new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8"))) };
  } catch {
    return {};
  }
}
