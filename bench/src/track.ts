#!/usr/bin/env node
/**
 * `npm run bench:track`: frames a second of faces that are followed through a video at 640 px, by WebAssembly with two threads,
 * looked at in every third frame. The sample picture moves over the frames; each face must keep its track.
 */
import path from "node:path";
import { parseArgs } from "node:util";
import { FaceTrackStream, type RawImage, RetinaFace, toRawImage } from "retinaface-webgpu";
import { describeMachine, root } from "./environment.js";
import { reportFailure, UsageError } from "./options.js";
import { quantile } from "./statistics.js";

const [WIDTH, HEIGHT] = [640, 480];
const EVERY = 3;
const THREADS = 2;
const WANTED = 30;
/** Pixels that the picture moves from frame to frame. */
const STEP = 2;
/** Of a video. */
const RATE = 30;

/** A frame in which the picture has moved. */
function frameOf({ data, width, height }: RawImage, n: number): RawImage {
  const frame = new Uint8ClampedArray(WIDTH * HEIGHT * 4).fill(255);
  const left = (n * STEP) % 80;
  const top = Math.round(30 + 20 * Math.sin(n / 10));
  for (let y = 0; y < height && y + top < HEIGHT; y++) {
    const row = data.subarray(y * width * 4, (y * width + WIDTH - left) * 4);
    frame.set(row, ((y + top) * WIDTH + left) * 4);
  }
  return { data: frame, width: WIDTH, height: HEIGHT };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { frames: { type: "string", default: "300" } } });
  const count = Number(values.frames);
  if (!(Number.isSafeInteger(count) && count >= 2 * EVERY)) {
    throw new UsageError(`usage: [--frames 300], not ${values.frames}`);
  }
  const picture = await toRawImage(path.join(root, "packages/retinaface/assets/sample.png"));
  // Back at its place after 40 frames, so that no face leaves.
  const frames = Array.from({ length: 40 }, (_, n) => frameOf(picture, n < 20 ? n : 39 - n));
  const detector = await RetinaFace.load({ backend: "wasm", threads: THREADS, maxSide: WIDTH });
  try {
    await detector.detect(frames[0]);
    const tracked = new FaceTrackStream(detector, { every: EVERY });
    const looks: number[] = [];
    const tracks = new Set<number>();
    const [cpu, start] = [process.cpuUsage(), performance.now()];
    for (let n = 0; n < count; n++) {
      const before = performance.now();
      const looking = tracked.looks;
      const faces = await tracked.push(looking ? frames[n % 40] : undefined, n / RATE);
      if (looking) looks.push(performance.now() - before);
      for (const { track } of faces) tracks.add(track);
    }
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const rate = count / seconds;
    const { cpu: model, cores, loadAverage, date } = describeMachine();
    process.stdout.write(
      `${count} frames of ${WIDTH}×${HEIGHT}, looked at in every ${EVERY}rd: ${rate.toFixed(1)} frames a second, ` +
        `a look ${quantile(looks, 0.5).toFixed(1)} ms (p95 ${quantile(looks, 0.95).toFixed(1)}), ` +
        `${((user + system) / 1000 / count).toFixed(1)} ms of processor time a frame, ${tracks.size} tracks\n` +
        `WebAssembly, ${detector.threads} threads; ${model}, ${cores} cores, load ${loadAverage} at the end, ${date.slice(0, 10)}\n`,
    );
    if (tracks.size !== 3) throw new UsageError(`3 faces became ${tracks.size} tracks`);
    if (rate < WANTED) process.exitCode = 1;
  } finally {
    detector.dispose();
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = reportFailure(error);
}
