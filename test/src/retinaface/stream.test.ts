/** Video: order, drops, memory; the cost of a frame; and where its time goes. */
import { nn, writeSafetensors } from "@retinaface-webgpu/tensor";
import {
  type Face,
  type RawImage,
  RetinaFace,
  RetinaFaceNetwork,
  type Timings,
} from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { rounds } from "../support/rounds.js";
import { rejectsCode } from "../support/throws.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);
let detector: RetinaFace;

test.before(async () => {
  detector = await RetinaFace.load({ weights: await tinyWeights(device()), device: device() });
});
test.after(() => detector.dispose());

/** Distinguishable frames and the faces in them. */
async function video(count: number): Promise<{ frames: RawImage[]; faces: Face[][] }> {
  const frames = Array.from({ length: count }, (_, i) => noiseImage(64, 48, i + 1));
  const faces: Face[][] = [];
  for (const frame of frames) faces.push(await detector.detect(frame, LENIENT));
  return { frames, faces };
}

test("frames that come while two are under way are dropped at once, the others keep their order", async () => {
  const { frames, faces } = await video(6);
  const stream = detector.stream(LENIENT);
  assert.is(stream.busy, false);
  const order: number[] = [];
  const results = frames.map(async (frame, i) => {
    const found = await stream.push(frame);
    order.push(i);
    return found;
  });
  assert.is(stream.busy, true);
  assert.is(stream.dropped, 4);
  assert.equal(await Promise.all(results), [faces[0], faces[1], ...Array(4).fill(undefined)]);
  assert.equal(order, [2, 3, 4, 5, 0, 1]);
  assert.is(stream.busy, false);
  assert.equal(await stream.push(frames[5]), faces[5]);
});

const FRAMES = rounds(300);

test(`${FRAMES} frames, two at a time: every result in order, memory flat, one submit a frame`, async () => {
  const { frames, faces } = await video(7);
  const stream = detector.stream(LENIENT);
  const before = device().memory();
  const order: number[] = [];
  const waiting: Promise<void>[] = [];
  for (let i = 0; i < FRAMES; i++) {
    if (waiting.length === 2) await waiting.shift();
    const check = async () => {
      assert.equal(await stream.push(frames[i % 7]), faces[i % 7], `frame ${i}`);
      order.push(i);
    };
    waiting.push(check());
  }
  await Promise.all(waiting);
  assert.equal(
    order,
    Array.from({ length: FRAMES }, (_, i) => i),
  );
  assert.is(stream.dropped, 0);
  const after = device().memory();
  for (const key of [
    "liveBuffers",
    "liveBytes",
    "pooledBytes",
    "peakBytes",
    "pipelines",
  ] as const) {
    assert.is(after[key], before[key], key);
  }
  assert.is(after.submits - before.submits, FRAMES);
});

test("frames of many sizes do not grow memory", async () => {
  const stream = detector.stream(LENIENT);
  const sizes = [32, 40, 48, 56, 64, 72].map((width) => noiseImage(width, 40));
  const live: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (const frame of sizes) assert.ok(await stream.push(frame));
    live.push(device().memory().liveBuffers);
  }
  assert.is(live[2], live[1]);
  assert.is(live[1], live[0]);
});

test("a bad frame and an abort reject their own pushes", async () => {
  const { frames, faces } = await video(1);
  const stream = detector.stream(LENIENT);
  await rejectsCode(stream.push({ ...frames[0], width: 63 }), "IMAGE_CORRUPT");
  assert.equal(await stream.push(frames[0]), faces[0]);
  const controller = new AbortController();
  const ending = detector.stream({ ...LENIENT, signal: controller.signal });
  const pushed = [ending.push(frames[0]), ending.push(frames[0])];
  controller.abort(new Error("the camera is off"));
  pushed.push(ending.push(frames[0]));
  for (const push of pushed) {
    const error = await push.then(
      () => undefined,
      (e: Error) => e,
    );
    assert.is(error?.message, "the camera is off");
  }
  assert.equal(await stream.push(frames[0]), faces[0]);
  assert.throws(() => detector.stream({ visThreshold: 2 }), /visThreshold/);
});

test("after a lost device the stream goes on with another", async () => {
  const own = await RetinaFace.load({ weights: await tinyWeights(device()) });
  const frame = noiseImage(64, 48);
  const stream = own.stream(LENIENT);
  const expected = await stream.push(frame);
  const pushed = [stream.push(frame), stream.push(frame)].map((push) =>
    push.then(
      (faces) => assert.equal(faces, expected),
      (error) => assert.is(error.code, "DEVICE_LOST"),
    ),
  );
  own.device.gpuDevice.destroy();
  await Promise.all(pushed);
  assert.equal(await stream.push(frame), expected);
  own.dispose();
});

test("a frame of MobileNet-0.25 takes at most 51 dispatches, one submit, one read-back", async () => {
  const network = new RetinaFaceNetwork(nn.Init.seeded(device(), 1), { backbone: "mobilenet0.25" });
  const weights = writeSafetensors(await network.stateDict());
  network.dispose();
  const full = await RetinaFace.load({ weights, device: device() });
  const frame = noiseImage(96, 80);
  for (const options of [{}, { maxSide: 64 }]) {
    await full.detect(frame, options);
    const before = device().memory();
    const { read } = device();
    let reads = 0;
    device().read = (...args) => {
      reads++;
      return read.apply(device(), args);
    };
    await full.detect(frame, options);
    device().read = read;
    const after = device().memory();
    const dispatches = after.dispatches - before.dispatches;
    assert.ok(dispatches <= 51, `${dispatches} dispatches`);
    assert.is(after.submits - before.submits, 1);
    assert.is(reads, 1);
    assert.is(after.liveBytes, before.liveBytes);
  }
  full.dispose();
});

test("timings add up; with profile the GPU's stages too", async () => {
  const all: Timings[] = [];
  const onTimings = (timings: Timings) => all.push(timings);
  const frame = noiseImage(64, 48);
  const expected = await detector.detect(frame, LENIENT);
  const timed = { ...LENIENT, onTimings };
  assert.equal(await detector.detect(frame, timed), expected);
  assert.equal(await detector.detect(frame, { ...timed, profile: true }), expected);
  const [plain, profiled] = all;
  for (const { decode, prepare, upload, gpu, faces, total } of all) {
    for (const part of [decode, prepare, faces]) assert.ok(part >= 0);
    assert.ok(upload > 0 && gpu > 0);
    assert.ok(decode + prepare + upload + gpu + faces <= total);
  }
  assert.is(plain.stages, undefined);
  assertStages(profiled);
  const batch = [frame, noiseImage(32, 32), noiseImage(64, 48, 2)];
  const found = await detector.detectBatch(batch, LENIENT);
  assert.equal(await detector.detectBatch(batch, { ...timed, profile: true }), found);
  assertStages(all[2]);
});

function assertStages({ stages, gpu }: Timings): void {
  if (!device().has("timestamp-query")) {
    assert.is(stages, undefined);
    return;
  }
  // Browsers round timestamps so that what a GPU does in microseconds may take none.
  assert.ok(stages!.network >= 0 && stages!.preprocess >= 0 && stages!.postprocess >= 0);
  const sum = Object.values(stages!).reduce((a, b) => a + b);
  assert.ok(Math.abs(sum - gpu) < 1e-6);
}

test.run();
