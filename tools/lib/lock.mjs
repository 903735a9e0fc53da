import {
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { progress, SetupError } from "./errors.mjs";

const HEARTBEAT_MS = 5_000;
const SILENT_MS = 60_000;
const WAIT_MS = 30 * 60_000;

/**
 * Runs `action` while no other process holds the lock `file`.
 *
 * The lock is a file that names its holder, made by hard-linking a finished one (so it never exists empty)
 * and touched while it is held. A holder that died, or has not touched it for a minute, is passed over.
 */
export async function withLock(file, what, action) {
  const owner = JSON.stringify({ host: hostname(), pid: process.pid });
  const deadline = Date.now() + WAIT_MS;
  let told = false;
  while (!acquire(file, owner)) {
    removeAbandoned(file);
    if (Date.now() > deadline) {
      throw new SetupError(`${file} has been held for 30 minutes; delete it if nothing is running`);
    }
    if (!told) progress(`waiting for another process to finish ${what}`);
    told = true;
    await sleep(200);
  }
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS);
  try {
    return await action();
  } finally {
    clearInterval(heartbeat);
    unlinkSync(file);
  }
}

function acquire(file, owner) {
  const mine = `${file}.${process.pid}`;
  writeFileSync(mine, owner);
  try {
    linkSync(mine, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    unlinkSync(mine);
  }
}

function touch(file) {
  const now = new Date();
  utimesSync(file, now, now);
}

function removeAbandoned(file) {
  const seen = readOwner(file);
  if (seen === undefined || !isAbandoned(file, seen)) return;
  const aside = `${file}.${process.pid}.old`;
  try {
    renameSync(file, aside);
    // Another process may have replaced the abandoned lock between the look and the rename: give it back.
    if (readOwner(aside) !== seen) linkSync(aside, file);
    unlinkSync(aside);
  } catch (error) {
    if (error.code !== "ENOENT" && error.code !== "EEXIST") throw error;
  }
}

function readOwner(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

function isAbandoned(file, ownerText) {
  try {
    if (Date.now() - statSync(file).mtimeMs > SILENT_MS) return true;
    const owner = JSON.parse(ownerText);
    if (owner.host !== hostname()) return false;
    process.kill(owner.pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}
