#!/usr/bin/env node
// Runs detections of varied sizes and then training steps, eager and compiled on both engines, for a long time, and prints how many GPU buffers
// live, the process's memory and the time of a call at intervals. Exit code 1 when one of them grows, or when
// something is left that keeps the process from ending.
// `soak.mjs [--detections 10000] [--steps 2000] [--intervals 10]`
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import * as tensorLibrary from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { RetinaFace, RetinaFaceNetwork } from "retinaface-webgpu";

// The heap is measured without its garbage, whether or not the command line says --expose-gc.
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");

const MEBIBYTE = 2 ** 20;
/** How much the last interval may exceed the first one that is counted. */
const MOST_GROWTH = { rss: 96 * MEBIBYTE, heap: 16 * MEBIBYTE, slower: 1.5 };
/** Sizes of photos: more than a detector keeps plans for, so that plans come and go. */
const SIZES = [
  [1, 1],
  [33, 47],
  [96, 64],
  [64, 96],
  [300, 20],
  [160, 120],
  [120, 160],
  [223, 199],
  [320, 240],
  [240, 320],
  [480, 270],
  [384, 480],
];
/** Most a process may take to end by itself. */
const MOST_EXIT_MS = 10_000;

const { values } = parseArgs({
  options: {
    detections: { type: "string", default: "10000" },
    steps: { type: "string", default: "2000" },
    intervals: { type: "string", default: "10" },
  },
});
const [detections, steps, intervals] = [values.detections, values.steps, values.intervals].map(
  Number,
);
if (
  ![detections, steps, intervals].every((n) => Number.isSafeInteger(n) && n >= 0) ||
  intervals < 3
) {
  console.error("usage: soak.mjs [--detections N] [--steps N] [--intervals N (at least 3)]");
  process.exit(2);
}

const { add, compileStep, Device, mean, mul, nn, optim, Random, tensor, tidy, writeSafetensors } =
  tensorLibrary;

const NETWORK = { backbone: "mobilenet0.25", width: 0.125, channels: 16 };
const random = new Random(7);
const device = await Device.create();
console.log(`adapter ${device.adapter.name}`);

function noise(width, height) {
  const data = Uint8Array.from({ length: width * height * 4 }, () => random.integer(256));
  return { data, width, height };
}

async function soakDetections() {
  const source = new RetinaFaceNetwork(nn.Init.seeded(device, 11), NETWORK);
  const weights = writeSafetensors(await source.stateDict());
  source.dispose();
  const detector = await RetinaFace.load({ weights, device });
  const photos = SIZES.map(([width, height]) => noise(width, height));
  const settings = { confidenceThreshold: 0, visThreshold: 0, topK: 300, keepTopK: 50 };
  const known = new Map();
  const grew = await repeat(device, "detections", detections, async () => {
    const photo = photos[random.integer(photos.length)];
    const faces = JSON.stringify(await detector.detect(photo, settings));
    if ((known.get(photo) ?? faces) !== faces)
      throw new Error("the same photo has other faces now");
    known.set(photo, faces);
  });
  detector.dispose();
  return grew;
}

/** How training steps run: recorded anew, or compiled once on each of the engines. */
const KINDS = ["eager training steps", "compiled steps on WebGPU", "compiled steps on WebAssembly"];

async function soakTraining(where, what) {
  const network = new RetinaFaceNetwork(nn.Init.seeded(where, 5), NETWORK).train();
  const optimizer = new optim.SGD(network.parameters(), { lr: 1e-3, momentum: 0.9 });
  const shape = [2, 64, 64, 3];
  const lossOf = (x) => {
    const { loc, conf, landms } = network.forward(x);
    const squares = [loc, conf, landms].map((y) => mean(mul(y, y)));
    return add(add(squares[0], squares[1]), squares[2]);
  };
  const step =
    what !== KINDS[0] &&
    (await compileStep(where, {
      inputs: { x: { shape, dtype: "f32" } },
      losses: ({ x }) => ({ total: lossOf(x) }),
      optimizer,
      clip: 10,
    }));
  const eager = async (pixels) => {
    const loss = tidy(() => {
      const total = lossOf(tensor(where, pixels, shape));
      total.backward();
      return total;
    });
    optimizer.step();
    optimizer.zeroGrad();
    const value = await loss.item();
    loss.dispose();
    return value;
  };
  const compiled = async (pixels) => {
    step.inputs.x.write(pixels);
    step.run();
    return (await step.read()).total;
  };
  const grew = await repeat(where, what, steps, async () => {
    const pixels = Float32Array.from({ length: 2 * 64 * 64 * 3 }, () => random.normal());
    const loss = await (step ? compiled : eager)(pixels);
    if (!Number.isFinite(loss)) throw new Error("the loss is not finite");
  });
  if (step) step.dispose();
  optimizer.dispose();
  network.dispose();
  return grew.map((name) => `${name} over ${what}`);
}

/** Compiled steps on processors, with the engine and the device that they need. */
async function soakWasm() {
  const engine = await WasmEngine.create({ threads: 2 });
  const host = await createHostDevice(engine);
  const grew = await soakTraining(host, KINDS[2]);
  const { liveBuffers } = host.memory();
  host.destroy();
  engine.dispose();
  return liveBuffers > 0 ? [...grew, `buffers of the engine (${liveBuffers})`] : grew;
}

/** Does `work` so many times, prints figures of each interval and tells what grew. */
async function repeat(where, what, count, work) {
  const samples = [];
  for (let i = 0; i < intervals && count > 0; i++) {
    const [from, to] = [i, i + 1].map((n) => Math.floor((count * n) / intervals));
    const timed = await timeCalls(work, to - from);
    collectGarbage();
    const { liveBuffers, liveBytes, pooledBytes, pipelines } = where.memory();
    const { rss, heapUsed } = process.memoryUsage();
    samples.push({ liveBuffers, pipelines, rss, heapUsed, ...timed });
    const mebibytes = (bytes) => `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
    console.log(
      `${to} ${what}: ${liveBuffers} live buffers (${mebibytes(liveBytes)}, ` +
        `${mebibytes(pooledBytes)} pooled), ${pipelines} pipelines, process ${mebibytes(rss)}, ` +
        `heap ${mebibytes(heapUsed)}, a call ${timed.median.toFixed(1)} ms (median), ` +
        `${timed.processor.toFixed(1)} ms of processor time (mean)`,
    );
  }
  return count > 0 ? growth(where, samples) : [];
}

/** Milliseconds of a call: by the clock (median), and of all processors (mean). */
async function timeCalls(work, calls) {
  const times = [];
  const before = process.cpuUsage();
  for (let n = 0; n < calls; n++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  times.sort((a, b) => a - b);
  return { median: times[times.length >> 1], processor: (user + system) / 1000 / calls };
}

/** Compares the last interval with the second: caches fill during the first. */
function growth(where, samples) {
  const [, first] = samples;
  const last = samples[samples.length - 1];
  // Where the processor is the adapter, other work on the machine shows in the clock and not in its own time.
  const time = where.adapter.software ? "processor" : "median";
  const checks = {
    "live buffers": last.liveBuffers > first.liveBuffers,
    pipelines: last.pipelines > first.pipelines,
    "the process's memory": last.rss - first.rss > MOST_GROWTH.rss,
    "the heap": last.heapUsed - first.heapUsed > MOST_GROWTH.heap,
    "the time of a call": last[time] > first[time] * MOST_GROWTH.slower,
  };
  return Object.keys(checks).filter((name) => checks[name]);
}

/** Listeners on the process: what a call adds and forgets adds up. */
function listeners() {
  const count = (name) => process.listenerCount(name);
  return process.eventNames().reduce((sum, name) => sum + count(name), 0);
}

const listenersBefore = listeners();
const grew = await soakDetections();
for (const what of KINDS.slice(0, 2)) grew.push(...(await soakTraining(device, what)));
grew.push(...(await soakWasm()));
const { liveBuffers } = device.memory();
device.destroy();
await device.lost;
// Dawn polls for a few turns more.
await sleep(100);
if (liveBuffers > 0) grew.push(`buffers after everything was disposed of (${liveBuffers})`);
if (listeners() > listenersBefore) grew.push(`listeners (${listeners() - listenersBefore})`);
const timers = process.getActiveResourcesInfo().filter((name) => /Timeout|Immediate/.test(name));
if (timers.length > 0) grew.push(`timers (${timers.length})`);
console.log(grew.length > 0 ? `grew: ${grew.join(", ")}` : "nothing grew");
process.exitCode = grew.length > 0 ? 1 : 0;
setTimeout(() => {
  console.log("the process does not end by itself");
  process.exit(1);
}, MOST_EXIT_MS).unref();
