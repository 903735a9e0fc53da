#!/usr/bin/env node
// Looks at one part of the list after the other. Usage: worker.mjs --work DIR [--redis URL] [--metrics PORT]
// [--threads N] [--max-side N] [--lock SECONDS]
//
// A part's results become a file by renaming, when all are there: a worker that is killed leaves nothing in part, and two
// that look at the same part (one was thought dead) write the same file. That makes "at least once", which queues promise,
// into exactly once.
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { parseArgs } from "node:util";
import { Queue, Worker } from "bullmq";
import prometheus from "prom-client";
import { RetinaFace } from "retinaface-webgpu";
import { errorLine, photoLine, printableJson } from "retinaface-webgpu/node";
import { connect, QUEUE, targetOf } from "./queue.mjs";

const { values } = parseArgs({
  options: {
    work: { type: "string" },
    redis: { type: "string", default: "redis://127.0.0.1:6379" },
    metrics: { type: "string" },
    threads: { type: "string", default: "1" },
    "max-side": { type: "string" },
    lock: { type: "string", default: "30" },
  },
});
const { work, redis, metrics, lock } = values;
if (work === undefined) throw new Error("--work DIR is missing: a folder that all workers share");
const maxSide = values["max-side"] === undefined ? undefined : Number(values["max-side"]);
const lockMs = Number(lock) * 1000;

const photos = new prometheus.Counter({
  name: "faces_photos_total",
  help: "Photos that were looked at, by outcome.",
  labelNames: ["outcome"],
});
const parts = new prometheus.Counter({
  name: "faces_parts_total",
  help: "Parts of the list, by outcome.",
  labelNames: ["outcome"],
});
const seconds = new prometheus.Histogram({
  name: "faces_part_seconds",
  help: "Seconds of a part.",
  buckets: [0.1, 0.5, 1, 5, 10, 50, 100, 500],
});

const detector = await RetinaFace.load({ backend: "wasm", threads: Number(values.threads) });
const worker = new Worker(QUEUE, look, {
  connection: connect(redis),
  // Of a worker that is dead the part goes to another one after this time at the latest, and twice.
  lockDuration: lockMs,
  stalledInterval: lockMs,
  // A part that kills its workers ends among the dead.
  maxStalledCount: 5,
});
worker.on("completed", () => parts.inc({ outcome: "done" }));
worker.on("failed", (job, error) => {
  parts.inc({ outcome: "failed" });
  console.error(`${job?.id}: attempt ${job?.attemptsMade}: ${error.message}`);
});
worker.on("error", () => undefined); // the connection tells
const server = metrics === undefined ? undefined : serveMetrics(Number(metrics));

async function look(job) {
  const target = targetOf(work, job.id);
  if (existsSync(target)) return;
  const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
  const unfinished = `${target}.${randomUUID()}.tmp`;
  const timed = seconds.startTimer();
  const file = await open(unfinished, "wx");
  try {
    for await (const result of detector.detectFiles(job.data.photos, { maxSide, decoders: 1 })) {
      if (result.error && !isResult(result.error, last)) throw result.error;
      await file.write(`${printableJson(lineOf(result))}\n`);
      photos.inc({ outcome: result.error?.code ?? "ok" });
    }
    await file.sync();
    await file.close();
    await rename(unfinished, target);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(unfinished, { force: true });
    throw error;
  }
  timed();
}

/** A photo that is no photo is a result; one that cannot be read may be there at another attempt. */
function isResult({ code = "" }, last) {
  return String(code).startsWith("IMAGE_") && (last || code !== "IMAGE_UNREADABLE");
}

function lineOf(result) {
  const { file, error } = result;
  return error ? { file, error: errorLine(error) } : photoLine(result);
}

function serveMetrics(port) {
  const queue = new Queue(QUEUE, { connection: connect(redis) });
  queue.on("error", () => undefined);
  new prometheus.Gauge({
    name: "faces_queue",
    help: "Parts in the queue, by state.",
    labelNames: ["state"],
    async collect() {
      const counts = await queue.getJobCounts("waiting", "active", "delayed", "failed");
      for (const [state, count] of Object.entries(counts)) this.set({ state }, count);
    },
  });
  const answer = async (_, response) => {
    response.setHeader("content-type", prometheus.register.contentType);
    response.end(await prometheus.register.metrics());
  };
  return createServer(answer).listen(port, "127.0.0.1");
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, async () => {
    server?.close();
    await worker.close();
    detector.dispose();
    process.exit();
  });
}
