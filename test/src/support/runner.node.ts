import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { repository, temporaryFolder } from "./repository.node.js";

type Place = "node" | "deno" | "browser" | "all";

/** What a run of the test runner left. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  /** The last line of the output. */
  readonly last: string | undefined;
}

/** A folder of test files that the runner is tried on. */
export interface TestFolder {
  readonly folder: string;
  write(name: string, text: string): void;
  /** Runs tools/test.mjs over its files, in this environment added to that of the process. */
  run(args?: readonly string[], environment?: Record<string, string>): Promise<Run>;
}

/** Runs tools/test.mjs over these test files. */
export function runTests(
  place: Place,
  files: Record<string, string>,
  ...args: string[]
): Promise<Run> {
  return withTests(place, files, (tests) => tests.run(args));
}

/** Runs them in Node and interrupts, as Ctrl-C does, once one has made a file `started` beside itself. */
export function interruptTests(files: Record<string, string>): Promise<Run> {
  return withTests("node", files, ({ folder }) =>
    run(["node", "--tests", folder], {}, path.join(folder, "started")),
  );
}

/** Puts these test files into a folder that lasts as long as `use`, for several runs. */
export async function withTests<T>(
  place: Place,
  files: Record<string, string>,
  use: (tests: TestFolder) => Promise<T>,
): Promise<T> {
  const folder = temporaryFolder("runner");
  const write = (name: string, text: string) => writeFileSync(path.join(folder, name), text);
  try {
    for (const [name, text] of Object.entries(files)) write(name, text);
    return await use({
      folder,
      write,
      run: (args = [], environment = {}) => run([place, "--tests", folder, ...args], environment),
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(
  args: readonly string[],
  environment: Record<string, string>,
  interruptAt?: string,
): Promise<Run> {
  const child = spawn(process.execPath, [path.join(repository, "tools/test.mjs"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  let stdout = "";
  child.stdout.on("data", (data) => {
    stdout += data;
  });
  const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
  if (interruptAt !== undefined) {
    while (!existsSync(interruptAt)) await sleep(50);
    child.kill("SIGINT");
  }
  const status = await closed;
  return { status, stdout, last: stdout.trimEnd().split("\n").at(-1) };
}
