import path from "node:path";
import { fileURLToPath } from "node:url";
import { listFiles } from "./build.mjs";
import { readJson, writeJson } from "./cache.mjs";
import { processSharing } from "./own-process.mjs";
import { cacheDir } from "./paths.mjs";

const timesFile = path.join(cacheDir, "test-times.json");
const TYPICAL_SECONDS = 2.5;
/** So many files, or so many seconds, run one after another in one process or page. */
const COMPANY_FILES = 12;
const COMPANY_SECONDS = 30;
/** A file for Node that takes longer has a process of its own: a start is little of it, and were it to fail there, much was lost. */
const SMALL_SECONDS = 10;
/** What files for Node alone take, rounded, where no earlier run tells: the longest begin first, on any machine. */
const LONG_SECONDS = readJson(fileURLToPath(new URL("./test-seconds.json", import.meta.url)));
/** What does not run in a place. */
const ELSEWHERE = {
  node: /\.browser\.test\.js$/,
  deno: /\.(node|browser)\.test\.js$/,
  browser: /\.node\.test\.js$/,
};
const onePlace = /\.(node|browser)\.test\.js$/;

/**
 * The compiled test files below `folder` for one place, longest first by the times of earlier runs.
 * `x.node.test.js` runs only in Node, `x.browser.test.js` only in a browser, `x.test.js` in both and in Deno.
 * @param {"node" | "deno" | "browser"} place
 * @param {RegExp | undefined} filter tried on the file's path within `folder`
 * @returns {{id: string, place: string, name: string, file: string, both: boolean, shares: boolean}[]} `id`: as the
 *   name, which two files may share (`x.test.js`, `x.node.test.js`), but with the whole path; `both`: the file runs in the
 *   other places too; `shares`: it may run in a process or page with others
 */
export function listTests(folder, place, filter) {
  const elsewhere = ELSEWHERE[place];
  const secondsOf = expectedSeconds();
  const mayShare = processSharing(folder);
  return listFiles(folder)
    .filter((file) => file.endsWith(".test.js") && !elsewhere.test(file))
    .map((file) => ({
      id: `${place} ${inside(folder, file)}`,
      place,
      name: `${place} ${inside(folder, file).replace(/(\.node|\.browser)?\.test\.js$/, "")}`,
      file,
      both: !onePlace.test(file),
    }))
    .filter(({ name }) => filter === undefined || filter.test(name))
    .map((test) => ({
      ...test,
      shares: test.both || (place === "node" && mayShare(test.file)),
    }))
    .sort((a, b) => secondsOf(b) - secondsOf(a));
}

function expectedSeconds() {
  const times = readJson(timesFile) ?? {};
  return ({ name }) => times[name] ?? LONG_SECONDS[name] ?? TYPICAL_SECONDS;
}

/**
 * Splits tests into such as share a process or a page: files for all places, which touch nothing but tensors and memory, and,
 * apart from them, files for Node that touch nothing of the process. A start, the modules, a device and its first kernels cost
 * more than a second of processor time each time.
 * @param {ReturnType<typeof listTests>} tests longest first
 */
export function inCompanies(tests) {
  const secondsOf = expectedSeconds();
  const companies = [];
  const open = new Map();
  for (const test of tests) {
    if (!test.shares || (!test.both && secondsOf(test) >= SMALL_SECONDS)) {
      companies.push([test]);
      continue;
    }
    const kind = `${test.place} ${test.both}`;
    const company = open.get(kind) ?? { tests: [], seconds: 0 };
    if (company.tests.length === 0) companies.push(company.tests);
    company.tests.push(test);
    company.seconds += secondsOf(test);
    const full = company.tests.length === COMPANY_FILES || company.seconds >= COMPANY_SECONDS;
    if (full) open.delete(kind);
    else open.set(kind, company);
  }
  return companies;
}

function inside(folder, file) {
  return path.relative(folder, file).split(path.sep).join("/");
}

/** Remembers how long each file took, for the order of the next run. */
export function rememberTimes(results) {
  const times = readJson(timesFile) ?? {};
  for (const { name, seconds } of results) times[name] = Math.round(seconds * 10) / 10;
  writeJson(timesFile, times);
}

/**
 * Runs `worker` over `items` in order, at most `limit` at a time, one more after `room`, and starts none once `signal` is
 * aborted. Results are in the order of finishing.
 */
export async function inParallel(items, limit, signal, worker, room) {
  const queue = [...items];
  const results = [];
  const lane = async () => {
    while (queue.length > 0 && !signal.aborted) results.push(await worker(queue.shift()));
  };
  await Promise.all([
    ...Array.from({ length: Math.min(limit, items.length) }, lane),
    room?.then(lane),
  ]);
  return results;
}
