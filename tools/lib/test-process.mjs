import { spawn } from "node:child_process";
import { DENO_ENVIRONMENT, DENO_RUN, denoProgram } from "./deno.mjs";
import { hasTotals, judge } from "./test-report.mjs";

const WITHHOLDER = new URL("./withhold.mjs", import.meta.url).href;

/**
 * A test file lives for seconds: V8 optimizes what runs much longer than by default, which spares a tenth of the
 * processor time (2026-11-26, Node 20, ten files).
 */
const V8_FLAGS = ["--interrupt-budget=1000000"];

/** How each place that is a program runs a file. */
const COMMANDS = {
  node: () => [process.execPath, "--enable-source-maps", ...V8_FLAGS],
  deno: () => [denoProgram(), ...DENO_RUN],
};

/**
 * Runs one compiled test file in a process of its own, Node's or Deno's, and judges how it ended.
 * A process that has printed its totals and then stays alive holds a resource it should have freed: a failure.
 * @param {{place: "node" | "deno", name: string, file: string, timeoutMs: number, exitGraceMs: number,
 *   withhold: string, signal: AbortSignal}} options `withhold` as `WITHHOLD` in withhold.mjs
 * @returns {Promise<import("./test-report.mjs").FileResult>}
 */
export function runTestProcess({ place, name, file, timeoutMs, exitGraceMs, withhold, signal }) {
  return new Promise((resolve) => {
    const started = performance.now();
    let output = "";
    let problem;
    let grace;
    const [program, ...args] = COMMANDS[place]();
    const child = spawn(program, [...args, file], {
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
      env: {
        ...process.env,
        ...(place === "deno" ? DENO_ENVIRONMENT : {}),
        FORCE_COLOR: process.stdout.isTTY ? "1" : "0",
        ...(withhold === "" ? {} : { WITHHOLD: withhold, NODE_OPTIONS: `--import ${WITHHOLDER}` }),
      },
    });
    const stop = (why) => {
      problem ??= why;
      killTree(child);
    };
    const timeout = setTimeout(
      () => stop(`killed: ran longer than ${timeoutMs / 1000} s`),
      timeoutMs,
    );
    const abort = () => stop("interrupted");
    signal.addEventListener("abort", abort, { once: true });
    const collect = (data) => {
      output += data;
      if (grace === undefined && hasTotals(output)) {
        const why = `killed: did not exit within ${exitGraceMs / 1000} s of its last test (a device or a server left open?)`;
        grace = setTimeout(() => stop(why), exitGraceMs);
      }
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.on("error", (error) => {
      problem ??= String(error);
    });
    child.on("close", (code, killedBy) => {
      clearTimeout(timeout);
      clearTimeout(grace);
      signal.removeEventListener("abort", abort);
      if (killedBy !== null) problem ??= `crashed: ${killedBy}`;
      const seconds = (performance.now() - started) / 1000;
      resolve(judge({ name, output, seconds, exitCode: code, problem }));
    });
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
