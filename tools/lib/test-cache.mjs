import path from "node:path";
import { readJson, writeJson } from "./cache.mjs";
import { cacheDir, root } from "./paths.mjs";
import {
  describeChromium,
  describeMachine,
  digestInputs,
  followImports,
  RESULTS_FOLDER,
} from "./test-inputs.mjs";

/** Skips for want of something that the key of the result covers: it runs again once that is there. */
const COVERED_SKIP = /: (the adapter has no [\w-]+|needs .*\.\.\/shared\/.*)$/;

/**
 * Results of test files that passed, each under a digest of everything it depends on (test-inputs.mjs), so that a
 * file whose inputs are the same need not run again.
 */
export class TestCache {
  #file;
  #folder;
  #described;
  #inputs;
  #keys;

  /**
   * @param {string} folder of the tests
   * @param {Record<string, {id: string, file: string}[]>} tests by place
   * @returns {Promise<TestCache>}
   */
  static async open(folder, tests) {
    const cache = new TestCache();
    cache.#folder = folder;
    cache.#file = resultsFile(folder);
    const [machine, ...inputs] = await Promise.all([
      describeMachine(),
      ...Object.entries(tests).map(([place, list]) => followImports(place, list)),
    ]);
    cache.#inputs = new Map(inputs.flatMap((map) => [...map]));
    const inChromium = [...cache.#inputs.values()].some(({ chromium }) => chromium);
    cache.#described = { machine, chromium: inChromium ? await describeChromium() : "" };
    cache.#keys = digestInputs(cache.#inputs, folder, cache.#described);
    return cache;
  }

  /** The results of those of `tests` that passed with the inputs they have now; `cached` is when, in ms. */
  recall(tests) {
    const entries = readEntries(this.#file);
    return tests.flatMap(({ id, name, both }) => {
      const { key, at, ...result } = entries[id] ?? {};
      if (key === undefined || key !== this.#keys.get(id)) return [];
      return [{ ...result, id, name, both, failed: 0, problem: undefined, output: "", cached: at }];
    });
  }

  /**
   * Remembers what passed, and forgets what earlier runs say of the rest. A file whose inputs changed while the tests
   * ran is not remembered: it may have seen either.
   * @param {import("./test-report.mjs").FileResult[]} results of files that ran now
   */
  store(results) {
    if (results.length === 0) return;
    const entries = readEntries(this.#file);
    const now = digestInputs(this.#inputs, this.#folder, this.#described);
    for (const result of results) {
      const key = this.#keys.get(result.id);
      delete entries[result.id];
      if (key === undefined || key !== now.get(result.id) || !isLasting(result)) continue;
      const { passed, skipped, skips, seconds } = result;
      entries[result.id] = { key, at: Date.now(), passed, skipped, skips, seconds };
    }
    writeJson(this.#file, entries);
  }
}

/** A suite that is not the project's keeps its results beside its files. */
function resultsFile(folder) {
  const own = folder === path.join(root, "test/dist");
  return path.join(own ? cacheDir : path.join(folder, RESULTS_FOLDER), "test-results.json");
}

function isLasting({ failed, skipped, skips }) {
  return failed === 0 && skips.length === skipped && skips.every((skip) => COVERED_SKIP.test(skip));
}

/** The entries of the file that are whole; none where it is absent or damaged. */
function readEntries(file) {
  const entries = readJson(file);
  if (typeof entries !== "object" || entries === null) return {};
  return Object.fromEntries(Object.entries(entries).filter(([, entry]) => isEntry(entry)));
}

function isEntry(entry) {
  return (
    typeof entry?.key === "string" &&
    [entry.at, entry.passed, entry.skipped, entry.seconds].every(Number.isFinite) &&
    Array.isArray(entry.skips) &&
    entry.skips.every((skip) => typeof skip === "string")
  );
}
