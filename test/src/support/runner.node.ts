import { spawn } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { repository, temporaryFolder } from "./repository.node.js";

/** What a run of the test runner left. */
export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  /** The last line of the output. */
  readonly last: string | undefined;
}

/** Runs tools/test.mjs over these test files. */
export function runTests(
  place: "node" | "browser",
  files: Record<string, string>,
  ...args: string[]
): Promise<Run> {
  return run(place, files, args);
}

/** Runs them in Node and interrupts, as Ctrl-C does, once one has made a file `started` beside itself. */
export function interruptTests(files: Record<string, string>): Promise<Run> {
  return run("node", files, [], "started");
}

async function run(
  place: string,
  files: Record<string, string>,
  args: string[],
  interruptAt?: string,
): Promise<Run> {
  const folder = temporaryFolder("runner");
  try {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(path.join(folder, name), text);
    }
    const command = [path.join(repository, "tools/test.mjs"), place, "--tests", folder, ...args];
    const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
    let stdout = "";
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    const closed = new Promise<number | null>((resolve) => child.on("close", resolve));
    if (interruptAt !== undefined) {
      while (!existsSync(path.join(folder, interruptAt))) await sleep(50);
      child.kill("SIGINT");
    }
    const status = await closed;
    return { status, stdout, last: stdout.trimEnd().split("\n").at(-1) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
