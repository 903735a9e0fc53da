/** One detector, two engines: the same faces. */
import { Device } from "@retinaface-webgpu/tensor";
import { type Face, type LoadOptions, measureKernels, RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { rejectsCode } from "../support/throws.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

let weights: Uint8Array;
let device: Device;

test.before(async () => {
  device = await Device.create();
  weights = await tinyWeights(device);
});

test.after(() => device.destroy());

const load = (options: LoadOptions) => RetinaFace.load({ weights, ...LENIENT, ...options });

function assertClose(actual: readonly Face[], expected: readonly Face[]): void {
  assert.is(actual.length, expected.length);
  for (const [i, face] of actual.entries()) {
    assert.ok(Math.abs(face.score - expected[i].score) < 1e-4);
    const numbers = (f: Face) => [...f.box, ...Object.values(f.landmarks).flat()];
    const other = numbers(expected[i]);
    for (const [k, v] of numbers(face).entries()) {
      assert.ok(Math.abs(v - other[k]) < 0.05, `${v}, not ${other[k]}`);
    }
  }
}

test("faces of noise, batches and sizes among them, are the same", async () => {
  const gpu = await load({ device });
  const cpu = await load({ backend: "wasm", threads: 2 });
  assert.is(gpu.backend, "webgpu");
  assert.is(gpu.threads, 0);
  assert.is(cpu.backend, "wasm");
  assert.ok(cpu.threads >= 1);
  const images = [
    noiseImage(64, 48, 1),
    noiseImage(33, 97, 2),
    noiseImage(64, 48, 3),
    noiseImage(200, 160, 4),
  ];
  for (const options of [{}, { maxSide: 40 }]) {
    const [a, b] = [await gpu.detectBatch(images, options), await cpu.detectBatch(images, options)];
    for (const [i, faces] of b.entries()) {
      assert.ok(faces.length > 0);
      assertClose(faces, a[i]);
    }
  }
  gpu.dispose();
  cpu.dispose();
});

test("calls overlap, timings add up, and a disposed detector says so", async () => {
  const cpu = await load({ backend: "wasm", threads: 1 });
  const image = noiseImage(96, 96, 5);
  const alone = await cpu.detect(image);
  let total = 0;
  const onTimings = (timings: { gpu: number; total: number }) => {
    assert.ok(timings.gpu > 0 && timings.total >= timings.gpu);
    total += timings.total;
  };
  const many = await Promise.all([1, 2, 3, 4, 5].map(() => cpu.detect(image, { onTimings })));
  assert.ok(total > 0);
  for (const faces of many) assert.equal(faces, alone);
  const stream = cpu.stream();
  assert.equal(await stream.push(image), alone);
  const late = cpu.detect(image);
  late.catch(() => undefined);
  cpu.dispose();
  await rejectsCode(late, "DISPOSED");
  await rejectsCode(cpu.detect(image), "DISPOSED");
});

test("auto takes the processors where the adapter computes on them too", async () => {
  const auto = await load({});
  assert.is(auto.backend, device.adapter.software ? "wasm" : "webgpu");
  auto.dispose();
  const given = await load({ device });
  assert.is(given.backend, "webgpu");
  given.dispose();
});

test("options that contradict each other", async () => {
  const refused: [LoadOptions, string, RegExp][] = [
    [{ backend: "wasm", device }, "OPTION_INVALID", /device is WebGPU's/],
    [{ backend: "wasm", precision: "f16" }, "PRECISION_UNAVAILABLE", /f32/],
    [{ backend: "wasm", tune: measureKernels() }, "OPTION_INVALID", /tune/],
    [{ backend: "metal" as "wasm" }, "OPTION_INVALID", /auto, webgpu, wasm/],
    [{ threads: 0 }, "OPTION_INVALID", /1 to 64/],
    [{ threads: 1.5 }, "OPTION_INVALID", /1 to 64/],
  ];
  for (const [options, code, message] of refused) await rejectsCode(load(options), code, message);
});

test.run();
