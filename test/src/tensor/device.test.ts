import { add, Device, DisposedError, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../support/gpu.js";

const device = useDevice(test);

function failing(name: string, wgsl: string) {
  return {
    name,
    wgsl,
    bindings: ["read_write"] as const,
    workgroups: [1, 1, 1] as const,
    flops: 0,
    bytes: 0,
  };
}

async function rejection(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected a rejection");
}

test("a device names its adapter", () => {
  assert.ok(device().adapter.name.length > 0);
});

test("nested arrays tell their shape; ragged ones are an error", async () => {
  const cases: [Parameters<typeof tensor>[1], number[], number[]][] = [
    [
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
      [3, 2],
      [1, 2, 3, 4, 5, 6],
    ],
    [[[[1], [2]]], [1, 2, 1], [1, 2]],
    [[1, 2, 3], [3], [1, 2, 3]],
    [Float32Array.of(4, 5), [2], [4, 5]],
    [[], [0], []],
  ];
  for (const [values, shape, flat] of cases) {
    const t = tensor(device(), values);
    assert.equal(t.shape, shape);
    assert.equal([...(await t.data())], flat);
    t.dispose();
  }
  const reshaped = tensor(
    device(),
    [
      [1, 2],
      [3, 4],
    ],
    [4],
    { dtype: "i32" },
  );
  assert.equal([...(await reshaped.data())], [1, 2, 3, 4]);
  reshaped.dispose();
  for (const ragged of [
    [[1, 2], [3]],
    [[1], 2],
    [1, [2]],
    [[[1]], [2]],
  ]) {
    assert.throws(() => tensor(device(), ragged), /nested|values given/);
  }
});

test("String() tells shape, type and device, and the first values once they were read", async () => {
  const t = tensor(device(), [
    [1, 2.5, 1 / 3],
    [4, 5, 6],
    [7, 8, 9],
  ]);
  const about = `Tensor [3, 3] f32 on ${device().adapter.name}`;
  assert.is(String(t), about);
  await t.data();
  assert.is(String(t), `${about}: 1, 2.5, 0.333333, 4, 5, 6, …`);
  t.write(new Float32Array(9));
  assert.is(String(t), about, "they are no longer those");
  t.dispose();
  assert.is(String(t), "Tensor [3, 3] f32, disposed");
});

test("host values make the round trip", async () => {
  const t = tensor(device(), [1, 2, 3, 4, 5], [5]);
  assert.equal([...(await t.data())], [1, 2, 3, 4, 5]);
  t.dispose();
  assert.throws(
    () => t.storage,
    (e: Error) => e instanceof DisposedError,
  );
});

test("dispatches in one submit see each other's results, also in reused buffers", async () => {
  const before = device().memory().submits;
  const one = tensor(device(), [1, 1, 1], [3]);
  const submitted = device().memory().submits;
  const sum = tidy(() => {
    let x = add(one, one);
    for (let i = 0; i < 20; i++) x = tidy(() => add(x, one));
    return x;
  });
  assert.equal([...(await sum.data())], [22, 22, 22]);
  assert.is(device().memory().submits - submitted, 1);
  assert.ok(submitted >= before);
  sum.dispose();
  one.dispose();
});

test("backward adds up over shared sub-expressions", async () => {
  const x = tensor(device(), [1, 2], [2], { requiresGrad: true });
  const start = device().memory().liveBuffers;
  const seed = tensor(device(), [1, 10], [2]);
  tidy(() => {
    const y = add(x, x);
    const z = add(y, add(y, x));
    z.backward(seed);
  });
  assert.equal([...(await (x.grad as Tensor).data())], [5, 50]);
  x.grad?.dispose();
  assert.is(device().memory().liveBuffers, start + 1);
  seed.dispose();
  x.dispose();
});

test("a shader that does not compile is an error naming the kernel", async () => {
  const d = await Device.create();
  const buffer = d.allocate(16);
  d.run(failing("broken-shader", "fn main( {"), [{ buffer: buffer.buffer }]);
  const error = await rejection(d.sync());
  assert.is(error.code, "GPU_VALIDATION");
  assert.match(error.message, "broken-shader");
  await d.sync();
  d.destroy();
});

test("preparing a kernel that does not compile rejects naming it", async () => {
  const error = await rejection(device().prepare(failing("broken-too", "@compute fn main() {}")));
  assert.is(error.code, "GPU_VALIDATION");
  assert.match(error.message, "broken-too");
});

test("a binding too small for its kernel is an error naming the kernel", async () => {
  const d = await Device.create();
  const kernel = failing(
    "short-binding",
    `@group(0) @binding(0) var<storage, read_write> y: array<vec4f, 64>;
     @compute @workgroup_size(1) fn main() { y[0] = vec4f(1); }`,
  );
  const buffer = d.allocate(16);
  d.run(kernel, [{ buffer: buffer.buffer, size: 16 }]);
  const error = await rejection(d.sync());
  assert.is(error.code, "GPU_VALIDATION");
  assert.match(error.message, "short-binding");
  d.destroy();
});

test("kernels with blocks of different lengths follow each other in one pass", async () => {
  const last = (count: number) => ({
    name: `last-of-${count}`,
    wgsl: `struct Params { ${Array.from({ length: count }, (_, i) => `v${i}: u32, `).join("")} }
      @group(0) @binding(0) var<storage, read_write> y: array<u32>;
      @group(0) @binding(1) var<uniform> p: Params;
      @compute @workgroup_size(1) fn main() { y[${count}] = p.v${count - 1}; }`,
    bindings: ["read_write"] as const,
    params: new Uint32Array(count).map((_, i) => count * 100 + i).buffer,
    workgroups: [1, 1, 1] as const,
    flops: 0,
    bytes: 0,
  });
  const counts = [5, 3, 11, 1, 5, 2];
  const y = device().allocate(64);
  for (const count of counts) device().run(last(count), [{ buffer: y.buffer }]);
  const values = new Uint32Array(await device().read(y.buffer, 64));
  for (const count of counts) assert.is(values[count], count * 100 + count - 1);
  device().free(y);
});

test("a request beyond the adapter is an out-of-memory error", () => {
  assert.throws(
    () => device().allocate(2 ** 50, "huge"),
    (e: Error & { code: string }) => e.code === "GPU_OUT_OF_MEMORY" && e.message.includes("huge"),
  );
});

test("destroying a device rejects what is pending and tells listeners", async () => {
  const d = await Device.create();
  let heard = "";
  d.onLost((error) => {
    heard = error.code;
  });
  const t = tensor(d, [1], [1]);
  const pending = rejection(t.data());
  d.destroy();
  assert.is(((await pending) as { code?: string }).code, "DEVICE_LOST");
  assert.is((await d.lost).reason, "destroyed");
  assert.is(heard, "DEVICE_LOST");
  assert.throws(() => add(t, t), /destroyed/);
});

test("a device with only WebGPU's default limits and no features works", async () => {
  const d = await Device.create({ limits: "default", features: [] });
  assert.is(d.limits.maxComputeInvocationsPerWorkgroup, 256);
  const t = tensor(d, [1, 2], [2]);
  const sum = add(t, t);
  assert.equal([...(await sum.data())], [2, 4]);
  assert.equal(await d.profile(() => void add(t, t)), []);
  d.destroy();
});

test("profiling times each dispatch where the adapter can", async () => {
  const t = tensor(device(), new Float32Array(1000), [1000]);
  const timings = await device().profile(() => tidy(() => void add(add(t, t), t)));
  if (device().has("timestamp-query")) {
    assert.is(timings.length, 2);
    assert.match(timings[0].name, "add");
    assert.ok(timings.every((timing) => timing.milliseconds >= 0));
  }
  t.dispose();
});

test.run();
