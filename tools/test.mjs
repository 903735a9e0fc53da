#!/usr/bin/env node
// Runs the test suite: `test.mjs all|node|deno|browser [--fresh] [--filter RE] [--timeout SECONDS]`, where RE is tried on
// the place and name of a test file, e.g. `node tensor/ops/conv2d`. A file whose inputs are those of its last pass is not run
// again (lib/test-cache.mjs), unless `--fresh` or one of the options below is given. `--withhold NAMES` runs Node's tests on
// devices without these features, or without raised limits (`limits`). `--tests FOLDER` and `--exit-grace SECONDS` are
// for the runner's own tests. The last line is `N passed, N failed, N skipped`; the exit code is 1 if anything failed.
import { setMaxListeners } from "node:events";
import { availableParallelism } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { checkTree } from "./check-imports.mjs";
import { describeDeno } from "./lib/deno.mjs";
import { root } from "./lib/paths.mjs";
import { installPeersForOracle } from "./lib/peers.mjs";
import { run } from "./lib/run.mjs";
import { TestCache } from "./lib/test-cache.mjs";
import { inCompanies, inParallel, listTests, rememberTimes } from "./lib/test-files.mjs";
import { compareDeno, comparePlaces } from "./lib/test-places.mjs";
import { runTestCompany, runTestProcess } from "./lib/test-process.mjs";
import { printResult, printSummary } from "./lib/test-report.mjs";

/** Where the suite runs, in the order of the totals. */
const PLACES = ["node", "deno", "browser"];

/** More processes than this only fight over the one adapter. */
const MOST_PROCESSES = 4;

/** Options with which no result of an earlier run will do. */
const ASKS_FOR_A_RUN = ["fresh", "filter", "timeout", "exit-grace", "withhold"];

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      fresh: { type: "boolean" },
      filter: { type: "string" },
      timeout: { type: "string" },
      "exit-grace": { type: "string" },
      tests: { type: "string" },
      withhold: { type: "string", default: "" },
    },
  });
  const [place = "all", ...rest] = positionals;
  if (!["all", ...PLACES].includes(place) || rest.length > 0) {
    usage();
  }
  if (values.withhold !== "" && place !== "node") usage("--withhold is for node");
  return {
    places: place === "all" ? PLACES : [place],
    filter: values.filter === undefined ? undefined : new RegExp(values.filter),
    timeoutMs: Number(values.timeout ?? 480) * 1000,
    exitGraceMs: Number(values["exit-grace"] ?? 10) * 1000,
    folder: path.resolve(values.tests ?? path.join(root, "test/dist")),
    withhold: values.withhold,
    whole: values.filter === undefined && values.tests === undefined,
    recall: ASKS_FOR_A_RUN.every((name) => !values[name]),
  };
}

function usage(why = "") {
  if (why !== "") console.error(why);
  const places = ["all", ...PLACES].join("|");
  console.error(`usage: test.mjs ${places} [--fresh] [--filter RE] [--timeout SECONDS]`);
  process.exit(2);
}

/** Linting and layering, as two results beside the tests. */
async function runChecks() {
  const biome = path.join(root, "node_modules/@biomejs/biome/bin/biome");
  const lint = await timed("check biome", async () => {
    const { code, output } = await run(process.execPath, [biome, "check", "."], { cwd: root });
    return { ok: code === 0, output };
  });
  const imports = await timed("check imports", async () => {
    const { errors, warnings } = checkTree(root);
    for (const line of warnings) console.log(`warning: ${line}`);
    return { ok: errors.length === 0, output: errors.join("\n") };
  });
  return [lint, imports];
}

async function timed(name, check) {
  const started = performance.now();
  const { ok, output } = await check();
  const seconds = (performance.now() - started) / 1000;
  const counts = { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0, skips: [] };
  const result = { name, ...counts, seconds, problem: undefined, output };
  printResult(result);
  return result;
}

/**
 * Runs the files of Node and Deno in as many processes at a time as there are cores, and in one more once `browser` has ended:
 * files that start and wait for commands leave a tenth of the cores idle.
 */
async function runProcesses(tests, options, signal, browser) {
  if (tests.some(({ place }) => place === "deno")) console.log(await describeDeno());
  const processes = Math.min(availableParallelism(), MOST_PROCESSES);
  const results = [];
  const worker = async (company) => {
    for await (const outcome of runCompany(company, options, signal)) {
      printResult(outcome);
      results.push(outcome);
    }
  };
  await inParallel(inCompanies(tests), processes, signal, worker, browser);
  return results;
}

/** Runs tests of one place in one process and, unless all of them pass so, each in its own. */
async function* runCompany(tests, options, signal) {
  const { place } = tests[0];
  const together =
    tests.length > 1 ? await runTestCompany(tests, { ...options, place, signal }) : undefined;
  if (tests.length > 1 && !together) console.log(`${place}: not all pass in one process: again`);
  for (const [index, test] of tests.entries()) {
    const outcome = together?.[index] ?? (await runTestProcess({ ...test, ...options, signal }));
    yield { ...outcome, id: test.id, both: test.both };
    if (signal.aborted) return;
  }
}

async function runBrowser(tests, options, signal) {
  const results = [];
  const { runBrowserTests } = await import("./lib/test-browser.mjs");
  await runBrowserTests(tests, { ...options, signal }, (result) => {
    printResult(result);
    results.push(result);
  });
  return results;
}

/** Runs what no earlier run tells the result of, in all places at once, and remembers what passed. */
async function runPlaces(options, signal) {
  const { places, folder, filter } = options;
  const tests = Object.fromEntries(
    places.map((place) => [place, listTests(folder, place, filter)]),
  );
  const cache = options.withhold === "" ? await TestCache.open(folder, tests) : undefined;
  const recalled = Object.fromEntries(
    places.map((place) => [place, options.recall ? cache.recall(tests[place]) : []]),
  );
  const rest = places.flatMap((place) => {
    recalled[place].forEach(printResult);
    const known = new Set(recalled[place].map(({ id }) => id));
    return tests[place].filter(({ id }) => !known.has(id));
  });
  const [inBrowser, inProcesses] = [true, false].map((browser) =>
    rest.filter(({ place }) => (place === "browser") === browser),
  );
  const browser = inBrowser.length > 0 ? runBrowser(inBrowser, options, signal) : undefined;
  const ran = await Promise.all([
    runProcesses(inProcesses, options, signal, browser),
    browser ?? [],
  ]).then((results) => results.flat());
  cache?.store(ran);
  return places.map((place) => {
    const own = ran.filter(({ name }) => name.startsWith(`${place} `));
    return { name: place, results: [...recalled[place], ...own] };
  });
}

const interrupted = new AbortController();
setMaxListeners(0, interrupted.signal);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort());

const options = readArguments();
const groups = [];
if (options.whole) {
  const [results] = await Promise.all([runChecks(), installPeersForOracle()]);
  groups.push({ name: "checks", results });
}
groups.push(...(await runPlaces(options, interrupted.signal)));
if (options.whole) rememberTimes(groups.flatMap(({ results }) => results));
if (options.whole && options.places.length > 1 && !interrupted.signal.aborted) {
  const [checks, node, deno, browser] = groups;
  const results = [
    comparePlaces(node.results, browser.results),
    compareDeno(node.results, deno.results),
  ];
  results.forEach(printResult);
  checks.results.push(...results);
}
const ran = groups.some(({ name, results }) => name !== "checks" && results.length > 0);
if (!ran) console.log("no test file matches");
const code = printSummary(groups);
process.exitCode = code || Number(!ran || interrupted.signal.aborted);
