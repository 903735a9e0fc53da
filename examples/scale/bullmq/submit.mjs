#!/usr/bin/env node
// Puts a list of photos into the queue, part by part, waits for the results and joins them in the list's order.
// Usage: submit.mjs LIST OUT.jsonl --work DIR [--part 50] [--ahead 100] [--redis URL] [--retry-dead]
//
// It may be ended and started again at any time, and Redis may lose what it held: what counts is which files are there.
// Exit code 1: parts failed as often as they may; they are in the queue `faces-dead`.
import { appendFile, mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Queue } from "bullmq";
import { connect, DEAD, isDone, QUEUE, readParts } from "./queue.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: "string" },
    part: { type: "string", default: "50" },
    ahead: { type: "string", default: "100" },
    redis: { type: "string", default: "redis://127.0.0.1:6379" },
    "retry-dead": { type: "boolean", default: false },
  },
});
const [list, out] = positionals;
const { work, part, ahead, redis } = values;
if (!list || !out || !work) throw new Error("usage: submit.mjs LIST OUT.jsonl --work DIR");

const ATTEMPTS = 3;
const POLL_MS = 200;

const connection = connect(redis);
const queue = new Queue(QUEUE, { connection });
const dead = new Queue(DEAD, { connection });
// The connection tells.
for (const each of [queue, dead]) each.on("error", () => undefined);

await mkdir(work, { recursive: true });
const parts = await readParts(list, Number(part), work);
if (values["retry-dead"]) for (const job of await dead.getJobs()) await job.remove();

let lost = new Set();
for (;;) {
  const missing = parts.filter((each) => !isDone(each) && !lost.has(each.id));
  if (missing.length === 0) break;
  await buryFailed();
  for (const { id, photos, target } of missing) {
    await room();
    // One that is in the queue already stays as it is.
    if (!isDone({ target })) await queue.add("photos", { photos }, jobOptions(id));
  }
  await sleep(POLL_MS);
}
await join();
await queue.close();
await dead.close();
connection.disconnect();
for (const id of lost) console.error(`${id} failed: submit.mjs --retry-dead tries it again`);
process.exitCode = lost.size > 0 ? 1 : 0;

function jobOptions(jobId) {
  const backoff = { type: "exponential", delay: 1000 };
  return { jobId, attempts: ATTEMPTS, backoff, removeOnComplete: true };
}

/** Back-pressure: Redis holds no more than a few parts, however long the list is. */
async function room() {
  for (;;) {
    const counts = await queue.getJobCounts("waiting", "delayed", "active");
    if (counts.waiting + counts.delayed + counts.active < Number(ahead)) return;
    await sleep(POLL_MS);
  }
}

/** Moves parts that failed for good to the dead, and learns which are there. */
async function buryFailed() {
  for (const job of await queue.getJobs(["failed"])) {
    const reason = job.failedReason;
    await dead.add("photos", { ...job.data, reason }, { jobId: job.id });
    await job.remove();
  }
  lost = new Set((await dead.getJobs()).map(({ id }) => id));
}

/** All results in one file, in the list's order, once it was seen that each photo has its line. */
async function join() {
  const unfinished = `${out}.tmp`;
  await rm(unfinished, { force: true });
  await appendFile(unfinished, "");
  for (const each of parts.filter(isDone)) {
    const text = await readFile(each.target, "utf8");
    const files = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).file);
    if (files.join("\n") !== each.photos.join("\n")) {
      throw new Error(`${each.target} holds other photos than the list: it is another list's`);
    }
    await appendFile(unfinished, text);
  }
  await rename(unfinished, out);
  for (const name of await readdir(work)) {
    if (name.endsWith(".tmp")) await rm(path.join(work, name));
  }
}
