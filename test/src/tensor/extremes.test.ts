import { Device } from "@retinaface-webgpu/tensor";
import { type Face, NumericError, postprocess, RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { rejectsCode, throwsCode } from "../support/throws.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);
let detector: RetinaFace;

test.before(async () => {
  detector = await RetinaFace.load({ weights: await tinyWeights(device()), device: device() });
});
test.after(() => detector.dispose());

function assertSound(faces: readonly Face[], most: number): void {
  assert.ok(faces.length <= most, `${faces.length} faces`);
  for (const [i, { box, score, landmarks }] of faces.entries()) {
    assert.ok([...box, ...Object.values(landmarks).flat()].every(Number.isFinite));
    assert.ok(score >= 0 && score <= 1 && (i === 0 || score <= faces[i - 1].score));
  }
}

for (const [width, height] of [
  [1, 1],
  [1, 10_000],
  [10_000, 1],
  [17, 9],
  [3, 2],
]) {
  test(`a photo of ${width}×${height}`, async () => {
    const faces = await detector.detect(noiseImage(width, height), LENIENT);
    assert.ok(faces.length > 0);
    assertSound(faces, LENIENT.keepTopK);
  });
}

test("a photo all black, a photo all white and transparent", async () => {
  const black = { data: new Uint8Array(64 * 48 * 4), width: 64, height: 48 };
  const white = { data: new Uint8Array(64 * 48 * 4).fill(255), width: 64, height: 48 };
  for (const image of [black, white]) assertSound(await detector.detect(image, LENIENT), 20);
});

test("more faces than keepTopK", async () => {
  const image = noiseImage(96, 64);
  const options = { confidenceThreshold: 0, visThreshold: 0, nmsThreshold: 1 };
  const all = await detector.detect(image, { ...options, keepTopK: 10_000 });
  assert.is(all.length, 2 * (12 * 8 + 6 * 4 + 3 * 2));
  assert.equal(await detector.detect(image, { ...options, keepTopK: 7 }), all.slice(0, 7));
  assert.equal(await detector.detect(image, { ...options, keepTopK: 1 }), all.slice(0, 1));
  assert.equal(await detector.detect(image, { ...options, topK: 9 }), all.slice(0, 9));
});

test("numbers that are not finite are an error, not faces", async () => {
  for (const name of ["ClassHead.1.conv1x1.bias", "BboxHead.0.conv1x1.bias"]) {
    const weights = await tinyWeights(device(), (state) => {
      (state.get(name)!.data as Float32Array).fill(Number.NaN);
    });
    const broken = await RetinaFace.load({ weights, device: device() });
    await rejectsCode(broken.detect(noiseImage(32, 32), LENIENT), "NOT_FINITE");
    broken.dispose();
  }
  const { thresholds, ...rest } = {
    loc: new Float32Array(4),
    landms: new Float32Array(10),
    priors: Float32Array.of(0.5, 0.5, 0.1, 0.1),
    variances: [0.1, 0.2] as const,
    frame: { width: 10, height: 10, scaleX: 1, scaleY: 1 },
    thresholds: {
      confidenceThreshold: 0.02,
      topK: 10,
      nmsThreshold: 0.4,
      keepTopK: 10,
      visThreshold: 0,
    },
  };
  throwsCode(
    () => postprocess({ ...rest, scores: Float32Array.of(Number.NaN), thresholds }),
    new NumericError("").code,
  );
});

test("two detectors on one device, in turn and at once", async () => {
  const other = await RetinaFace.load({ weights: await tinyWeights(device()), device: device() });
  const images = [1, 2, 3].map((seed) => noiseImage(40 + 8 * seed, 32, seed));
  const expected = [];
  for (const image of images) expected.push(await detector.detect(image, LENIENT));
  const both = await Promise.all(
    images.flatMap((image) => [detector.detect(image, LENIENT), other.detect(image, LENIENT)]),
  );
  assert.equal(
    both,
    expected.flatMap((faces) => [faces, faces]),
  );
  other.dispose();
  assert.equal(await detector.detect(images[0], LENIENT), expected[0], "the device stays in use");
});

test("fifty calls at once: right answers, in order, within the memory of one", async () => {
  const images = [0, 1, 2, 3, 4].map((n) => noiseImage(32 + 16 * (n % 2), 32, n));
  const expected: Face[][] = [];
  for (const image of images) expected.push(await detector.detect(image, LENIENT));
  const before = device().memory();
  const order: number[] = [];
  const calls = Array.from({ length: 50 }, async (_, i) => {
    const faces = await detector.detect(images[i % 5], LENIENT);
    order.push(i);
    return faces;
  });
  const results = await Promise.all(calls);
  for (const [i, faces] of results.entries()) assert.equal(faces, expected[i % 5]);
  assert.equal(
    order,
    results.map((_, i) => i),
  );
  const after = device().memory();
  assert.is(after.liveBuffers, before.liveBuffers);
  assert.is(after.peakBytes, before.peakBytes);
});

test("a call is given up before and during, and the next is not hurt", async () => {
  const image = noiseImage(32, 32);
  const expected = await detector.detect(image, LENIENT);
  const gone = AbortSignal.abort(new Error("gone"));
  const reasonOf = (promise: Promise<unknown>) =>
    promise.then(
      () => "",
      (e: Error) => e.message,
    );
  assert.is(await reasonOf(detector.detect(image, { signal: gone })), "gone");
  const controller = new AbortController();
  const waiting = Array.from({ length: 8 }, () =>
    reasonOf(detector.detect(image, { ...LENIENT, signal: controller.signal })),
  );
  const bystander = detector.detect(image, LENIENT);
  controller.abort(new Error("no longer wanted"));
  assert.equal(new Set(await Promise.all(waiting)), new Set(["no longer wanted"]));
  assert.equal(await bystander, expected);
  const between = new AbortController();
  const batch = detector.detectBatch([image, noiseImage(40, 32)], { signal: between.signal });
  between.abort(new Error("halfway"));
  assert.is(await reasonOf(batch), "halfway");
  assert.equal(await detector.detect(image, LENIENT), expected);
});

test("a photo beyond the device's limits is an error that says what to do, and doing it works", async () => {
  const small = await Device.create({ limits: "default", features: [] });
  const weights = await tinyWeights(small);
  const tight = await RetinaFace.load({ weights, device: small });
  const huge = { data: new Uint8Array(4800 * 3600 * 4), width: 4800, height: 3600 };
  const faces = await tight.detect(noiseImage(32, 32), LENIENT);
  const { liveBuffers, liveBytes } = small.memory();
  await rejectsCode(tight.detect(huge), "GPU_OUT_OF_MEMORY", /4800×3600.*maxSide/);
  assert.equal(await tight.detect(noiseImage(32, 32), LENIENT), faces);
  const batch = new Array(60).fill(noiseImage(640, 480));
  await rejectsCode(tight.detectBatch(batch), "GPU_OUT_OF_MEMORY", /60.*fewer/);
  assert.equal(await tight.detect(noiseImage(32, 32), LENIENT), faces);
  const after = small.memory();
  assert.is(after.liveBuffers, liveBuffers, "nothing of the failed calls is left");
  assert.is(after.liveBytes, liveBytes);
  assertSound(await tight.detect(huge, { ...LENIENT, maxSide: 64 }), 20);
  tight.dispose();
  small.destroy();
});

test.run();
