import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { repository, temporaryFolder } from "./repository.node.js";

/** Runs tools/test.mjs over these test files: its exit code, its output and the last line of it. */
export function runTests(
  place: "node" | "browser",
  files: Record<string, string>,
  ...args: string[]
): { status: number | null; stdout: string; last: string | undefined } {
  const folder = temporaryFolder("runner");
  try {
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(path.join(folder, name), text);
    }
    const command = [path.join(repository, "tools/test.mjs"), place, "--tests", folder, ...args];
    const { status, stdout } = spawnSync(process.execPath, command, { encoding: "utf8" });
    return { status, stdout, last: stdout.trimEnd().split("\n").at(-1) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
