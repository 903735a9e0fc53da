import { spawn } from "node:child_process";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { DENO_ENVIRONMENT, DENO_RUN, denoProgram } from "./deno.mjs";
import { hasTotals, judge, judgeCompany, splitCompany } from "./test-report.mjs";

const WITHHOLDER = new URL("./withhold.mjs", import.meta.url).href;
const COMPANY = fileURLToPath(new URL("./test-company.mjs", import.meta.url));

/**
 * A test file lives for seconds: V8 optimizes what runs much longer than by default, which spares a tenth of the
 * processor time (2026-11-26, Node 20, ten files).
 */
const V8_FLAGS = ["--interrupt-budget=1000000"];

/**
 * Where Mesa keeps compiled shaders. Tests that give a command another `XDG_CACHE_HOME` would have every kernel compiled
 * anew in each: half of the processor time of `retinaface/cli-main` (2026-11-30).
 */
const SHADER_CACHE = process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache");

/** How each place that is a program runs a file. */
const COMMANDS = {
  node: () => [process.execPath, ...V8_FLAGS],
  deno: () => [denoProgram(), ...DENO_RUN],
};

/**
 * @typedef {object} ProcessOptions
 * @property {"node" | "deno"} place
 * @property {number} timeoutMs of each file
 * @property {number} exitGraceMs
 * @property {string} withhold as `WITHHOLD` in withhold.mjs
 * @property {AbortSignal} signal
 */

/**
 * Runs one compiled test file in a process of its own, Node's or Deno's, and judges how it ended.
 * A process that has printed its totals and then stays alive holds a resource it should have freed: a failure.
 * @param {{name: string, file: string} & ProcessOptions} test
 * @returns {Promise<import("./test-report.mjs").FileResult>}
 */
export async function runTestProcess({ name, file, ...options }) {
  const { output, ...ended } = await runProcess([file], options, hasTotals);
  return judge({ name, output, ...ended });
}

/**
 * Runs several files in one process, which starts, loads modules and compiles kernels once for all.
 * @param {{name: string, file: string}[]} tests
 * @param {ProcessOptions} options
 * @returns {Promise<import("./test-report.mjs").FileResult[] | undefined>} none if a file did not pass, or the process
 *   crashed, hung or did not exit by itself: only a file that runs alone shows whose fault it is
 */
export async function runTestCompany(tests, options) {
  const ends = [performance.now()];
  const files = tests.map(({ file }) => file);
  const { output, exitCode, problem } = await runProcess([COMPANY, ...files], options, (text) => {
    const parts = splitCompany(text).filter(hasTotals);
    while (ends.length <= parts.length) ends.push(performance.now());
    return parts.length === tests.length;
  });
  return judgeCompany(tests, { output, ends, exitCode, problem });
}

/**
 * @param {string[]} args a program and its arguments
 * @param {ProcessOptions} options
 * @param {(output: string) => boolean} isDone whether nothing is left to do but to exit
 */
function runProcess(args, options, isDone) {
  const { timeoutMs, exitGraceMs, signal } = options;
  return new Promise((resolve) => {
    const started = performance.now();
    let output = "";
    let problem;
    let grace;
    const child = start(args, options);
    const stop = (why) => {
      problem ??= why;
      killTree(child);
    };
    const timeout = setTimeout(
      () => stop(`killed: ran longer than ${timeoutMs / 1000} s`),
      timeoutMs,
    );
    const abort = () => stop("interrupted");
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const collect = (data) => {
      output += data;
      if (grace === undefined && isDone(output)) {
        const why = `killed: did not exit within ${exitGraceMs / 1000} s of its last test (a device or a server left open?)`;
        grace = setTimeout(() => stop(why), exitGraceMs);
      }
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => {
      problem ??= String(error);
    });
    child.on("close", (exitCode, killedBy) => {
      clearTimeout(timeout);
      clearTimeout(grace);
      signal.removeEventListener("abort", abort);
      if (killedBy !== null) problem ??= `crashed: ${killedBy}`;
      const seconds = (performance.now() - started) / 1000;
      resolve({ output, seconds, exitCode, problem });
    });
  });
}

function start(args, { place, withhold }) {
  const [program, ...flags] = COMMANDS[place]();
  return spawn(program, [...flags, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
    env: {
      MESA_SHADER_CACHE_DIR: SHADER_CACHE,
      ...process.env,
      ...(place === "deno" ? DENO_ENVIRONMENT : {}),
      FORCE_COLOR: process.stdout.isTTY ? "1" : "0",
      ...(withhold === "" ? {} : { WITHHOLD: withhold, NODE_OPTIONS: `--import ${WITHHOLDER}` }),
    },
  });
}

function killTree(child) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
