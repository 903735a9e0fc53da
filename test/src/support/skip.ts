import type { Test } from "uvu";

/** Registers `name` as skipped, with a reason that the runner lists at the end of the run. */
export function skip(test: Test, name: string, reason: string): void {
  test.skip(name);
  console.log(`# skip ${name}: ${reason}`);
}
