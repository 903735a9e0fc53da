#!/usr/bin/env node
/**
 * `npm run test:photos -- [--count 1000] [--decoder own|sharp|auto]`: draws photos of 12 megapixels and has `detect` look at
 * all of them, kills it after a quarter and starts it again. Exit code 1 where a line is lost or written twice, where the
 * process holds more than 1 GiB, or where its memory grows.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { root } from "../environment.js";
import { reportFailure, UsageError } from "../options.js";
import { drawFolder } from "./folder.js";

const MEBIBYTE = 2 ** 20;
const MOST_BYTES = 1024 * MEBIBYTE;
/** How much the last part may exceed the second. */
const MOST_GROWTH = 96 * MEBIBYTE;
const PARTS = 10;
const SAMPLING_MS = 200;
const cli = path.join(root, "packages/retinaface/dist/program/main.js");

function readOptions(args: readonly string[]) {
  try {
    const text = (fallback: string) => ({ type: "string", default: fallback }) as const;
    const options = { count: text("1000"), decoder: text("auto") };
    const { values } = parseArgs({ args: [...args], options });
    const count = Number(values.count);
    if (!Number.isSafeInteger(count) || count < PARTS) {
      throw new Error(`--count must be a whole number of at least ${PARTS}`);
    }
    return { count, decoder: values.decoder };
  } catch (cause) {
    const usage = "usage: [--count 1000] [--decoder own|sharp|auto]";
    throw new UsageError(`${(cause as Error).message}\n${usage}`, { cause });
  }
}

/** Bytes of memory that a process holds now; undefined once it has ended. */
function residentBytes(pid: number): number | undefined {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return kibibytes ? Number(kibibytes[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}

/** The whole lines of a file, none where it is not there. */
async function linesOf(file: string): Promise<string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.split("\n").slice(0, -1);
}

/** A run of the command, watched. */
class Watched {
  /** The most memory while so many tenths of the lines were there. */
  readonly peaks: number[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #said = "";

  constructor(args: readonly string[]) {
    this.#child = spawn(process.execPath, [cli, "detect", ...args], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child.stderr!.on("data", (text) => {
      this.#said = (this.#said + text).slice(-2000);
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.on("close", resolve);
      this.#child.on("error", reject);
    });
  }

  /**
   * Takes samples until the command ends, or is killed once `most` lines are there.
   * @throws UsageError where it ends with another exit code than 0
   */
  async watch(out: string, count: number, most = Number.POSITIVE_INFINITY): Promise<void> {
    let running = true;
    this.#ended.then(
      () => {
        running = false;
      },
      () => {
        running = false;
      },
    );
    while (running) {
      const written = (await linesOf(out)).length;
      const bytes = residentBytes(this.#child.pid!);
      const part = Math.min(PARTS - 1, Math.floor((written * PARTS) / count));
      if (bytes !== undefined) this.peaks[part] = Math.max(this.peaks[part] ?? 0, bytes);
      if (written >= most) {
        this.#child.kill("SIGKILL");
        await this.#ended;
        return;
      }
      await sleep(SAMPLING_MS);
    }
    const code = await this.#ended;
    if (code !== 0) throw new UsageError(`detect ended with exit code ${code}: ${this.#said}`);
  }
}

/** What is wrong with the lines after both runs, or nothing. */
function lost(photos: readonly string[], before: readonly string[], after: readonly string[]) {
  const faults: string[] = [];
  if (before.some((line, i) => line !== after[i])) faults.push("a line of before the kill changed");
  const written = after.map((line) => JSON.parse(line) as { file: string; faces?: unknown[] });
  if (written.some(({ faces }) => !faces?.length)) faults.push("a photo without faces");
  const names = new Set(written.map(({ file }) => path.basename(file)));
  const missing = photos.filter((photo) => !names.has(path.basename(photo)));
  if (missing.length > 0) faults.push(`${missing.length} photos without a line`);
  if (written.length > photos.length) faults.push("a photo with two lines");
  return faults;
}

async function run(count: number, decoder: string, folder: string): Promise<string[]> {
  const drawn = path.join(folder, "photos");
  const out = path.join(folder, "out.jsonl");
  const photos = await drawFolder(drawn, { count, sizes: [[4000, 3000]], distinct: 8 });
  const args = [drawn, "--max-side", "640", "--decoder", decoder, "--resume", out];
  await new Watched(args).watch(out, count, count / 4);
  const before = await linesOf(out);
  const start = performance.now();
  const rest = new Watched(args);
  await rest.watch(out, count);
  const seconds = (performance.now() - start) / 1000;
  const faults = lost(photos, before, await linesOf(out));
  const counted = rest.peaks.filter((bytes) => bytes !== undefined);
  const shown = rest.peaks.map((bytes) => (bytes / MEBIBYTE).toFixed(0)).filter(Boolean);
  console.log(
    `${count} photos, killed after ${before.length} lines; ${count - before.length} more in ` +
      `${seconds.toFixed(0)} s; most memory in each tenth, MiB: ${shown.join(" ")}`,
  );
  if (Math.max(...counted) > MOST_BYTES) faults.push("more than 1 GiB of memory");
  // The first part has starting in it.
  if (counted[counted.length - 1] - counted[1] > MOST_GROWTH) faults.push("memory that grew");
  return faults;
}

try {
  const { count, decoder } = readOptions(process.argv.slice(2));
  if (process.platform !== "linux")
    throw new UsageError("memory is read from /proc: run it on Linux");
  const folder = await mkdtemp(path.join(tmpdir(), "photos-"));
  try {
    const faults = await run(count, decoder, folder);
    console.log(faults.length > 0 ? `found: ${faults.join(", ")}` : "nothing lost, nothing grew");
    process.exitCode = faults.length > 0 ? 1 : 0;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
} catch (error) {
  process.exitCode = reportFailure(error);
}
