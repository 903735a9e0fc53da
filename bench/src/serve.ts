#!/usr/bin/env node
/**
 * `npm run bench:serve`: the service under more requests than it takes, by autocannon. It fails where a request is answered
 * otherwise than 200 or 429, or memory grows.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { describeMachine, root } from "./environment.js";
import { reportFailure, UsageError } from "./options.js";

/** What is read of autocannon's result. */
interface LoadResult {
  readonly errors: number;
  readonly timeouts: number;
  readonly duration: number;
  readonly statusCodeStats: Readonly<Record<string, { readonly count: number }>>;
  readonly latency: Readonly<Record<"p50" | "p97_5" | "p99" | "max", number>>;
}

const QUEUE = 8;
/** Beyond the queue: these are told 429 and come again at once. */
const BEYOND = 2;
const SAMPLE_MS = 2000;
/** By so much the process may be larger at the end than in its second quarter. */
const GROWTH_MIB = 96;
const MIB = 2 ** 20;

function minutesAsked(): number {
  const { values } = parseArgs({ options: { minutes: { type: "string", default: "30" } } });
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new UsageError(`usage: [--minutes 30], not ${values.minutes}`);
  return minutes;
}

async function startService(): Promise<{ child: ChildProcess; url: string }> {
  const main = path.join(root, "packages/retinaface/dist/cli/main.js");
  const args = [main, "serve", "--port", "0", "--queue", String(QUEUE), "--max-side", "640"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await Promise.race([
    once(child.stdout!, "data"),
    once(child, "exit").then(() => {
      throw new UsageError("the service did not start: see above");
    }),
  ]);
  return { child, url: JSON.parse(String(line)).listening };
}

/** MiB of the service's process until `over`. */
async function watchMemory(url: string, over: AbortSignal): Promise<number[]> {
  const sizes: number[] = [];
  while (!over.aborted) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const bytes = /^process_resident_memory_bytes (\S+)/m.exec(text)?.[1];
    sizes.push(Number(bytes) / MIB);
    await sleep(SAMPLE_MS, undefined, { signal: over }).catch(() => undefined);
  }
  return sizes;
}

async function load(url: string, minutes: number): Promise<LoadResult> {
  const autocannon = createRequire(path.join(root, "bench/package.json"))("autocannon");
  return autocannon({
    url: `${url}/detect`,
    method: "POST",
    headers: { "content-type": "image/png" },
    body: readFileSync(path.join(root, "packages/retinaface/assets/sample.png")),
    connections: QUEUE + BEYOND,
    duration: minutes * 60,
    timeout: 60,
  });
}

async function main(): Promise<void> {
  const minutes = minutesAsked();
  const machine = describeMachine();
  const { child, url } = await startService();
  const over = new AbortController();
  try {
    const memory = watchMemory(url, over.signal);
    const result = await load(url, minutes);
    over.abort();
    const problems = judge(result, await memory);
    process.stdout.write(`${tableOf(result, await memory)}\n`);
    const { cpu, cores, loadAverage, date } = machine;
    process.stdout.write(`${cpu}, ${cores} cores, load ${loadAverage} at the start, ${date}\n`);
    for (const problem of problems) process.stderr.write(`bench: ${problem}\n`);
    if (problems.length > 0) process.exitCode = 1;
  } finally {
    over.abort();
    child.kill("SIGTERM");
  }
  const [code] = child.exitCode === null ? await once(child, "exit") : [child.exitCode];
  if (code !== 0) throw new UsageError(`the service ended with ${code}`);
}

function judge({ errors, timeouts, statusCodeStats }: LoadResult, memory: readonly number[]) {
  const problems: string[] = [];
  if (errors + timeouts > 0) problems.push(`${errors} errors, ${timeouts} of them timeouts`);
  for (const [status, { count }] of Object.entries(statusCodeStats)) {
    if (status !== "200" && status !== "429") problems.push(`${count} answers of ${status}`);
  }
  const { before, after } = quarters(memory);
  if (after - before > GROWTH_MIB) {
    problems.push(`memory grew from ${before.toFixed(0)} to ${after.toFixed(0)} MiB`);
  }
  return problems;
}

/** The most of the second quarter and of the last. */
function quarters(memory: readonly number[]): { before: number; after: number } {
  const part = (from: number, to: number) =>
    Math.max(...memory.slice(Math.floor(memory.length * from), Math.ceil(memory.length * to)));
  return { before: part(0.25, 0.5), after: part(0.75, 1) };
}

function tableOf({ duration, statusCodeStats, latency, errors }: LoadResult, memory: number[]) {
  const counted = (status: string) => statusCodeStats[status]?.count ?? 0;
  const { before, after } = quarters(memory);
  return [
    `seconds            ${duration.toFixed(0)}`,
    `photos answered    ${counted("200")} (${(counted("200") / duration).toFixed(1)} a second)`,
    `told 429           ${counted("429")}`,
    `errors             ${errors}`,
    `ms of all answers  p50 ${latency.p50}, p97.5 ${latency.p97_5}, p99 ${latency.p99}, max ${latency.max}`,
    `process            ${before.toFixed(0)} MiB in the second quarter, ${after.toFixed(0)} in the last`,
  ].join("\n");
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
