import { add, Device, type DeviceLostError, tensor } from "@retinaface-webgpu/tensor";
import { RetinaFace } from "retinaface-webgpu";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";
import { rejectsCode, throwsCode } from "../support/throws.js";
import { LENIENT, noiseImage, tinyWeights } from "../support/tiny-detector.js";

const device = useDevice(test);
const image = noiseImage(48, 40);

/** How a device goes away: at the library's word, or behind its back as when a driver resets. */
const losses: [name: string, lose: (device: Device) => void][] = [
  ["destroyed", (d) => d.destroy()],
  ["lost", (d) => d.gpuDevice.destroy()],
];

for (const [name, lose] of losses) {
  test(`a device ${name} while a call is pending: that call fails, the next works`, async () => {
    const weights = await tinyWeights(device());
    const detector = await RetinaFace.load({ weights, backend: "webgpu" });
    const expected = await detector.detect(image, LENIENT);
    // At every stage: before the work begins, at its first turns, when it is submitted.
    for (const turns of [0, 9]) {
      const old = detector.device;
      const pending = detector.detect(image, LENIENT).then(
        (faces) => assert.equal(faces, expected, `a result after ${turns} turns is whole`),
        (error: DeviceLostError) => assert.is(error.code, "DEVICE_LOST", error.stack),
      );
      for (let i = 0; i < turns; i++) await undefined;
      lose(old);
      await pending;
      assert.equal(await detector.detect(image, LENIENT), expected);
      assert.ok(detector.device !== old, "on another device");
    }
    detector.dispose();
  });

  test(`a device ${name} while a new size is compiled`, async () => {
    const weights = await tinyWeights(device());
    const detector = await RetinaFace.load({ weights, backend: "webgpu" });
    const old = detector.device;
    const pending = rejectsCode(detector.detect(image, LENIENT), "DEVICE_LOST");
    await new Promise((resolve) => setTimeout(resolve, 1));
    lose(old);
    await pending;
    assert.ok((await detector.detect(image, LENIENT)).length > 0);
    detector.dispose();
  });
}

test("a lost device of the caller's is the caller's to replace", async () => {
  const own = await Device.create();
  const detector = await RetinaFace.load({ weights: await tinyWeights(device()), device: own });
  own.destroy();
  await rejectsCode(detector.detect(image), "DEVICE_LOST", /Device\.create/);
  detector.dispose();
  await rejectsCode(detector.detect(image), "DISPOSED");
});

test("operands beyond the binding limit are refused, never cut off", async () => {
  const small = await Device.create({ limits: "default", features: [] });
  const limit = small.limits.maxStorageBufferBindingSize;
  const buffer = small.allocate(limit + 256, "large");
  const kernel = {
    name: "reader",
    wgsl: `@group(0) @binding(0) var<storage, read_write> x: array<f32>;
           @compute @workgroup_size(1) fn main() { x[0] = 1.0; }`,
    bindings: ["read_write"] as const,
    workgroups: [1, 1, 1] as const,
    flops: 0,
    bytes: 0,
  };
  throwsCode(() => small.run(kernel, [{ buffer: buffer.buffer }]), "GPU_OUT_OF_MEMORY", /reader/);
  const compiled = await small.prepare(kernel);
  throwsCode(
    () => small.bind(compiled, [{ buffer: buffer.buffer }]),
    "GPU_OUT_OF_MEMORY",
    /limit|binding/,
  );
  small.run(kernel, [{ buffer: buffer.buffer, size: 256 }]);
  await small.sync();
  small.destroy();
});

/** Makes the device's next allocations fail as a full GPU does: later, through its error scope. */
function failAllocations(target: Device): () => void {
  const gpu = target.gpuDevice;
  const { createBuffer, popErrorScope } = gpu;
  let failed = false;
  gpu.createBuffer = (descriptor) => {
    failed = true;
    return createBuffer.call(gpu, descriptor);
  };
  gpu.popErrorScope = async () => {
    const mine = failed;
    failed = false;
    const error = await popErrorScope.call(gpu);
    return mine ? new GPUOutOfMemoryError("simulated") : error;
  };
  return () => Object.assign(gpu, { createBuffer, popErrorScope });
}

test("memory that runs out later, in the driver, leaves the device usable", async () => {
  const own = await Device.create();
  const detector = await RetinaFace.load({ weights: await tinyWeights(device()), device: own });
  const expected = await detector.detect(image, LENIENT);
  const { liveBuffers } = own.memory();
  const mend = failAllocations(own);
  await rejectsCode(detector.detect(noiseImage(200, 120)), "GPU_OUT_OF_MEMORY", /200×120/);
  mend();
  assert.equal(await detector.detect(image, LENIENT), expected);
  assert.is(own.memory().liveBuffers, liveBuffers, "nothing of the failed call is left");
  const again = await detector.detect(noiseImage(200, 120), LENIENT);
  assert.ok(again.length > 0, "the same size works once there is memory");
  const one = tensor(own, [1], [1]);
  const two = add(one, one);
  assert.is(await two.item(), 2);
  detector.dispose();
  own.destroy();
});

test.run();
