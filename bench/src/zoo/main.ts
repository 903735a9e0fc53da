#!/usr/bin/env node
/**
 * `npm run bench:zoo`: parameters, multiply-adds and processor time of `detect()` at 640×640 of the networks whose weights are at
 * hand, in turn within one run, as JSON. Processor time is that of all threads: what else the machine does hardly changes it.
 */
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { createHostDevice } from "@retinaface-webgpu/tensor/wasm";
import { type BackendChoice, type RawImage, toRawImage } from "retinaface-webgpu";
import { describeMachine, root } from "../environment.js";
import { reportFailure, UsageError } from "../options.js";
import { interleave, median, timeOf } from "../statistics.js";
import { countNetwork, countOnnx } from "./count.js";
import { ZOO } from "./networks.js";
import { openNetwork, type Timed } from "./open.js";

const USAGE = "usage: [--backend wasm|webgpu] [--threads 1] [--runs 7] [--only RE]";
const SIDE = 640;

function read() {
  const { values } = parseArgs({
    options: {
      backend: { type: "string", default: "wasm" },
      threads: { type: "string", default: "1" },
      runs: { type: "string", default: "7" },
      only: { type: "string", default: "." },
    },
  });
  const [threads, runs] = [Number(values.threads), Number(values.runs)];
  const whole = [threads, runs].every((n) => Number.isSafeInteger(n) && n > 0);
  if (!whole || !["wasm", "webgpu"].includes(values.backend)) throw new UsageError(USAGE);
  const only = new RegExp(values.only);
  return { backend: values.backend as BackendChoice, threads, runs, only };
}

/** The sample picture in a square. */
async function square(): Promise<RawImage> {
  const sample = await toRawImage(path.join(root, "packages/retinaface/assets/sample.png"));
  const data = new Uint8ClampedArray(SIDE * SIDE * 4).fill(255);
  const [width, height] = [Math.min(SIDE, sample.width), Math.min(SIDE, sample.height)];
  for (let y = 0; y < height; y++) {
    const from = y * sample.width * 4;
    data.set(sample.data.subarray(from, from + width * 4), y * SIDE * 4);
  }
  return { data, width: SIDE, height: SIDE };
}

async function main(): Promise<void> {
  const { backend, threads, runs, only } = read();
  const chosen = ZOO.filter(({ name }) => only.test(name));
  const counter = await createHostDevice();
  const sizes = chosen.map(({ config, onnx }) => {
    if (config) return countNetwork(counter, config);
    return existsSync(onnx!) ? countOnnx(counter, readFileSync(onnx!)) : {};
  });
  counter.destroy();
  const image = await square();
  const detectors: (Timed | undefined)[] = [];
  for (const network of chosen) detectors.push(await openNetwork(network, { backend, threads }));
  const atHand = detectors.filter((detector) => detector !== undefined);
  const times = await interleave(atHand, runs, async (detector) => {
    // Compiles in the first round, and in all finds caches and a heap as another network left them: not counted.
    await detector.detect(image);
    return timeOf(() => detector.detect(image));
  });
  const rows = chosen.map(({ name }, i) => {
    const own = detectors[i] && times.get(detectors[i]);
    return {
      name,
      ...sizes[i],
      ...(own && {
        processorMs: median(own.map(({ processor }) => processor)),
        clockMs: median(own.map(({ clock }) => clock)),
      }),
    };
  });
  for (const detector of detectors) await detector?.dispose();
  const { cpu, cores, loadAverage, date } = describeMachine();
  console.log(JSON.stringify({ backend, threads, runs, cpu, cores, loadAverage, date, rows }));
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
