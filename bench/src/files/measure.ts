import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { UsageError } from "../options.js";
import type { Program } from "./programs.js";

const PEAK = new URL("peak.js", import.meta.url).href;

/** A process that ran to its end. */
export interface Ended {
  readonly milliseconds: number;
  /** From its start to the first line that it printed. */
  readonly firstLine: number;
  /** Most bytes of memory that it held. */
  readonly peak: number;
  readonly lines: readonly string[];
}

/** Runs Node with arguments. @throws UsageError where it fails */
export async function runProcess(args: readonly string[]): Promise<Ended> {
  const folder = await mkdtemp(path.join(tmpdir(), "bench-files-"));
  const file = path.join(folder, "peak");
  try {
    const start = performance.now();
    const child = spawn(process.execPath, ["--import", PEAK, ...args], {
      env: { ...process.env, BENCH_PEAK: file },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const said = { out: "", errors: "", firstLine: Number.NaN };
    child.stdout.on("data", (text) => {
      if (said.out === "") said.firstLine = performance.now() - start;
      said.out += text;
    });
    child.stderr.on("data", (text) => {
      said.errors = (said.errors + text).slice(-2000);
    });
    const code = await new Promise((resolve, reject) => {
      child.on("close", resolve);
      child.on("error", reject);
    });
    const milliseconds = performance.now() - start;
    if (code !== 0) throw new UsageError(`${args[0]} failed (exit code ${code}): ${said.errors}`);
    const peak = Number(await readFile(file, "utf8"));
    const lines = said.out.trim().split("\n");
    return { milliseconds, firstLine: said.firstLine, peak, lines };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A whole process over all photos. */
export interface WholeRun {
  readonly milliseconds: number;
  readonly peak: number;
  /** In all photos. */
  readonly faces: number;
}

export async function runWhole(program: Program, photos: readonly string[]): Promise<WholeRun> {
  const { milliseconds, peak, lines } = await runProcess([...program.whole, ...photos]);
  const counts = lines.map((line) => (JSON.parse(line) as { faces: unknown[] }).faces.length);
  if (counts.length !== photos.length) {
    throw new UsageError(`${program.name} printed ${counts.length} of ${photos.length} lines`);
  }
  return { milliseconds, peak, faces: counts.reduce((a, b) => a + b, 0) };
}

/** Milliseconds of passes over all photos in one process, after a first pass. */
export async function runWarm(
  program: Program,
  photos: readonly string[],
  passes: number,
): Promise<number[]> {
  const { lines } = await runProcess([...program.warm, "--passes", String(passes), ...photos]);
  return lines.map((line) => (JSON.parse(line) as { milliseconds: number }).milliseconds);
}
