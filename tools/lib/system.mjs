import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { progress, SetupError } from "./errors.mjs";
import { withLock } from "./lock.mjs";
import { run } from "./run.mjs";
import { parseOsRelease } from "./system-packages.mjs";

/** What decides how a system package can be installed here. */
export function describeSystem() {
  const release = "/etc/os-release";
  return {
    platform: process.platform,
    os: existsSync(release) ? parseOsRelease(readFileSync(release, "utf8")) : {},
    isRoot: process.getuid?.() === 0,
    hasApt: existsSync("/usr/bin/apt-get"),
  };
}

/**
 * Runs a plan's script as root, one process at a time on this machine.
 * @param {import("./system-packages.mjs").SystemPlan} plan
 * @param {() => boolean | Promise<boolean>} satisfied asked again once the lock is held
 */
export async function installSystemPackages(plan, what, satisfied) {
  const lock = path.join(tmpdir(), "retinaface-webgpu-system.lock");
  await withLock(lock, `installing ${what}`, async () => {
    if (await satisfied()) return;
    progress(`installing ${what} (apt-get)`);
    const result = await run("sh", ["-c", plan.script]);
    if (result.code !== 0) {
      throw new SetupError(
        `installing ${what} failed (exit ${result.code}):\n${result.output.trimEnd()}\nThe commands were: ${plan.script}`,
        2,
      );
    }
  });
}
