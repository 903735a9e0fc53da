#!/usr/bin/env node
// Does harm while photos are looked at: two of the workers are killed with SIGKILL, Redis is stopped and started again.
// In the end every photo must have one line. Usage: chaos.mjs [--photos 300] [--workers 4] [--part 10]
// Prints a line of JSON; exit code 1: a photo is lost or doubled. Needs redis-server.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { resizeBilinear, toRawImage } from "retinaface-webgpu";
import { encodePng } from "retinaface-webgpu/node";

const { values } = parseArgs({
  options: {
    photos: { type: "string", default: "300" },
    workers: { type: "string", default: "4" },
    part: { type: "string", default: "10" },
  },
});
const count = Number(values.photos);
const workers = Number(values.workers);
/** Seconds after which the part of a dead worker is another's. */
const LOCK = "3";
const REDIS_AWAY_MS = 1500;

const here = path.dirname(fileURLToPath(import.meta.url));
const sample = fileURLToPath(
  new URL("../../../packages/retinaface/assets/sample.png", import.meta.url),
);
const folder = await mkdtemp(path.join(tmpdir(), "chaos-"));
const work = path.join(folder, "work");
const list = path.join(folder, "list");
const out = path.join(folder, "out.jsonl");
const children = new Set();

const names = await makePhotos();
const port = await freePort();
const url = `redis://127.0.0.1:${port}`;
try {
  let redis = await startRedis();
  const started = performance.now();
  const team = Array.from({ length: workers }, () =>
    start("worker.mjs", "--work", work, "--redis", url, "--lock", LOCK),
  );
  const submitter = start(
    "submit.mjs",
    list,
    out,
    "--work",
    work,
    "--redis",
    url,
    "--part",
    values.part,
  );
  const submitted = once(submitter, "exit");
  const parts = Math.ceil(count / Number(values.part));
  await done(parts * 0.15);
  team[0].kill("SIGKILL");
  await done(parts * 0.35);
  redis.kill("SIGTERM");
  await once(redis, "exit");
  await sleep(REDIS_AWAY_MS);
  redis = await startRedis();
  await done(parts * 0.55);
  team[1].kill("SIGKILL");
  const [code] = await submitted;
  const seconds = (performance.now() - started) / 1000;
  const files = (await readFile(out, "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).file);
  const once1 = files.length === names.length && files.every((file, i) => file === names[i]);
  const rate = Number((count / seconds).toFixed(1));
  const result = { photos: count, workers, killed: 2, redisStops: 1, lines: files.length };
  console.log(
    JSON.stringify({
      ...result,
      seconds: Number(seconds.toFixed(1)),
      perSecond: rate,
      eachOnce: once1,
    }),
  );
  if (code !== 0 || !once1) process.exitCode = 1;
} finally {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}

async function makePhotos() {
  await mkdir(path.join(folder, "photos"));
  const bytes = encodePng(resizeBilinear(await toRawImage(sample), 128, 80));
  const made = Array.from({ length: count }, (_, i) => path.join(folder, "photos", `${i}.png`));
  for (const name of made) await writeFile(name, bytes);
  await writeFile(list, `${made.join("\n")}\n`);
  return made;
}

function start(script, ...args) {
  return keep(
    spawn(process.execPath, [path.join(here, script), ...args], {
      stdio: ["ignore", "inherit", "inherit"],
    }),
  );
}

function keep(child) {
  children.add(child);
  child.on("exit", () => children.delete(child));
  return child;
}

async function startRedis() {
  const args = [
    "--port",
    port,
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--appendonly",
    "yes",
    "--save",
    "",
  ];
  const redis = keep(
    spawn("redis-server", args.map(String), { stdio: ["ignore", "pipe", "inherit"] }),
  );
  for await (const text of redis.stdout) if (/Ready to accept/.test(String(text))) break;
  return redis;
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: free } = server.address();
  server.close();
  await once(server, "close");
  return free;
}

/** Waits until so many parts are there. */
async function done(least) {
  for (;;) {
    const files = await readdir(work).catch(() => []);
    if (files.filter((name) => name.endsWith(".jsonl")).length >= least) return;
    await sleep(50);
  }
}
