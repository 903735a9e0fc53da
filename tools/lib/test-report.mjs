import { inSources } from "./source-positions.mjs";

const RED = "\u001b[31m";
const PLAIN = "\u001b[39m";

/**
 * @typedef {object} FileResult
 * @property {string} name test file, relative to the root, with the place it ran in
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {number} seconds
 * @property {string[]} skips `name: reason` of each skip that gave one
 * @property {string | undefined} problem why the file failed beyond its failing tests
 * @property {string} output everything the file printed
 * @property {string} [id] as `listTests` gives it
 * @property {boolean} [both] whether the file runs in Node and in a browser
 * @property {number} [cached] when an earlier run gave this result, in milliseconds; else it ran now
 */

/** The marker that support/skip.ts prints for a skipped test. */
const skipLine = /^# skip (.+)$/gm;

// biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character starts a colour code
const colourCodes = /\u001b\[[0-9;]*m/g;

/** Dawn says so of every adapter of Mesa's lavapipe, and has no switch to keep it quiet. */
const dawnWarning = /Warning: maxDynamic\w+ artificially reduced from .*\n/g;

/** Whether uvu has printed its closing totals, after which a process has nothing left to do. */
export function hasTotals(output) {
  return parseTotals(output) !== undefined;
}

function parseTotals(output) {
  const pattern = /Total: +(\d+)\s+Passed: +(\d+)\s+Skipped: +(\d+)\s+Duration: /g;
  const match = [...output.replace(colourCodes, "").matchAll(pattern)].at(-1);
  return match?.slice(1, 4).map(Number);
}

/**
 * Judges one test file by uvu's printed totals and by how the run ended.
 * uvu swallows an error of a `before` hook and exits 0, so tests that did not pass are failures whatever it says.
 * @param {{name: string, output: string, seconds: number, exitCode?: number | null, problem?: string}} run
 * @returns {FileResult}
 */
export function judge({ name, output, seconds, exitCode, problem }) {
  const plain = output.replace(colourCodes, "");
  const [total, passed, skipped] = parseTotals(output) ?? [0, 0, 0];
  const failed = total - passed;
  const reason = problem ?? findProblem({ plain, total, failed, skipped, exitCode });
  return {
    name,
    passed,
    failed: failed === 0 && reason !== undefined ? 1 : failed,
    skipped,
    seconds,
    skips: [...plain.matchAll(skipLine)].map((match) => match[1]),
    problem: reason,
    output,
  };
}

/** What each of the files printed that ran one after another in one process or page (test-in-turn.mjs). */
export function splitCompany(output) {
  return output.split(/^# file \d+$/m).slice(1);
}

/**
 * Judges files that ran one after another.
 * @param {{name: string}[]} tests
 * @param {{output: string, ends: number[], exitCode?: number | null, problem?: string}} run `ends`: when the first began and
 *   when each ended
 * @returns {FileResult[] | undefined} none unless all passed: only a file that runs alone shows whose fault it is
 */
export function judgeCompany(tests, { output, ends, exitCode = 0, problem }) {
  const parts = splitCompany(output);
  if (exitCode !== 0 || problem !== undefined || parts.length !== tests.length) return undefined;
  const results = tests.map(({ name }, index) => {
    const seconds = (ends[index + 1] - ends[index]) / 1000;
    return judge({ name, output: parts[index], seconds, exitCode: 0 });
  });
  return results.every(({ failed }) => failed === 0) ? results : undefined;
}

function findProblem({ plain, total, failed, skipped, exitCode }) {
  if (!hasTotals(plain)) {
    return exitCode
      ? `crashed: exit code ${exitCode}`
      : "printed no totals (is test.run() missing?)";
  }
  if (total + skipped === 0) return "has no tests";
  if (failed > 0 && !/ FAIL /.test(plain)) return "a before or after hook failed";
  if (failed === 0 && exitCode) return `exit code ${exitCode} although every test passed`;
  return undefined;
}

/** One line a file as it finishes, and everything a failing file printed. */
export function printResult(result) {
  const bad = result.failed > 0;
  const counts = `${result.passed} passed${bad ? `, ${result.failed} failed` : ""}${
    result.skipped > 0 ? `, ${result.skipped} skipped` : ""
  }`;
  const when = result.cached === undefined ? `${result.seconds.toFixed(1)} s` : "cached";
  const line = `${bad ? "FAIL" : "ok  "} ${result.name}: ${counts} (${when})`;
  console.log(bad && process.stdout.isTTY ? RED + line + PLAIN : line);
  if (!bad) return;
  if (result.output.trim() !== "") console.log(indent(shown(result.output)));
  if (result.problem !== undefined) console.log(`     ${result.problem}`);
}

function shown(output) {
  const text = inSources(output.replace(dawnWarning, ""));
  return process.stdout.isTTY ? text : text.replace(colourCodes, "");
}

function indent(text) {
  return text.trimEnd().replace(/^/gm, "     ");
}

/**
 * Skips with their reasons, totals of each group, what is not of this run, then the totals of all as the last line.
 * @param {{name: string, results: FileResult[]}[]} groups
 * @returns {number} the exit code
 */
export function printSummary(groups) {
  const results = groups.flatMap((group) => group.results);
  const skipped = results.filter((result) => result.skipped > 0);
  if (skipped.length > 0) console.log("\nSkipped:");
  for (const result of skipped) {
    for (const skip of result.skips) console.log(`  ${result.name}: ${skip}`);
    const silent = result.skipped - result.skips.length;
    if (silent > 0) console.log(`  ${result.name}: ${silent} without a stated reason`);
  }
  const bad = results.filter((result) => result.failed > 0);
  if (bad.length > 0) console.log(`\nFailed: ${bad.map((result) => result.name).join(", ")}`);
  console.log("");
  if (groups.length > 1) {
    for (const group of groups) console.log(`${group.name}: ${totals(group.results)}`);
  }
  const cached = results.filter((result) => result.cached !== undefined);
  if (cached.length > 0) console.log(describeCached(cached));
  console.log(totals(results));
  return bad.length > 0 ? 1 : 0;
}

function totals(results) {
  const [passed, failed, skipped] = ["passed", "failed", "skipped"].map((key) => sum(results, key));
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

function describeCached(results) {
  const oldest = new Date(Math.min(...results.map(({ cached }) => cached)));
  const since = `${oldest.toISOString().slice(0, 16).replace("T", " ")} UTC`;
  return `${sum(results, "passed")} of them are results of ${since} or later, unchanged since: --fresh runs everything`;
}

function sum(results, key) {
  return results.reduce((total, result) => total + result[key], 0);
}
