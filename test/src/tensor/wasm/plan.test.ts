import { softmax as softmaxKernel } from "@retinaface-webgpu/kernels-wasm";
import * as t from "@retinaface-webgpu/tensor";
import { Device, nn, type Tensor } from "@retinaface-webgpu/tensor";
import {
  compileWasm,
  createHostDevice,
  outputValues,
  WasmEngine,
  type WasmOutput,
  WasmWeights,
} from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../support/random.js";
import { rejectsCode } from "../../support/throws.js";

let engine: WasmEngine;
let host: Device;
let gpu: Device;

test.before(async () => {
  engine = await WasmEngine.create({ threads: 2 });
  host = await createHostDevice();
  gpu = await Device.create();
});

test.after(() => {
  engine.dispose();
  host.destroy();
  gpu.destroy();
});

function numbers(seed: number, count: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.uniform(-2, 2));
}

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function close(actual: Float32Array, expected: ArrayLike<number>, tolerance = 2e-5): void {
  assert.is(actual.length, expected.length);
  for (const [i, x] of actual.entries()) {
    const room = tolerance * Math.max(1, Math.abs(expected[i]));
    if (!(Math.abs(x - expected[i]) <= room)) assert.unreachable(`${i}: ${x}, not ${expected[i]}`);
  }
}

/** What a network computes by WebAssembly and, operation by operation, on the GPU: must be the same. */
async function compare(
  name: string,
  shapes: readonly (readonly number[])[],
  make: (init: nn.Init) => (...inputs: Tensor[]) => Tensor[],
): Promise<void> {
  const values = shapes.map((shape, i) => numbers(i + 1, sizeOf(shape)));
  const infos = shapes.map((shape) => ({ shape, dtype: "f32" as const }));
  const plan = await compileWasm(host, engine, make(nn.Init.seeded(host, 3)), infos);
  const results = await plan.run(values);
  const forward = make(nn.Init.seeded(gpu, 3));
  const expected = t.noGrad(() =>
    forward(...shapes.map((shape, i) => t.tensor(gpu, values[i], shape))),
  );
  for (const [i, output] of (plan.outputs as readonly WasmOutput[]).entries()) {
    assert.equal(output.shape, expected[i].shape, `${name}, output ${i}`);
    close(outputValues(output, results), await expected[i].data());
  }
  plan.dispose();
}

function norm(init: nn.Init, channels: number, seed: number): nn.BatchNorm2d {
  const layer = new nn.BatchNorm2d(init, channels);
  layer.weight.write(numbers(seed, channels));
  layer.bias.write(numbers(seed + 1, channels));
  layer.running_mean.write(numbers(seed + 2, channels));
  layer.running_var.write(numbers(seed + 3, channels).map((x) => x * x + 0.1));
  return layer.eval() as nn.BatchNorm2d;
}

test("a small network of everything that fuses", async () => {
  await compare("network", [[2, 13, 18, 3]], (init) => {
    const stem = new nn.Conv2d(init, 3, 8, { kernelSize: 3, stride: 2, padding: 1, bias: false });
    const stemNorm = norm(init, 8, 10);
    const depth = new nn.Conv2d(init, 8, 8, { kernelSize: 3, padding: 1, groups: 8 });
    const depthNorm = norm(init, 8, 20);
    const point = new nn.Conv2d(init, 8, 16, { kernelSize: 1 });
    const down = new nn.Conv2d(init, 16, 16, { kernelSize: 3, stride: 2, padding: 1, groups: 16 });
    const wide = new nn.Conv2d(init, 16, 20, { kernelSize: 1, bias: false });
    const lateral = new nn.Conv2d(init, 16, 20, { kernelSize: 1 });
    const merge = new nn.Conv2d(init, 20, 12, { kernelSize: 3, padding: 1 });
    const side = new nn.Conv2d(init, 20, 9, { kernelSize: 3, padding: 1 });
    const heads = [4, 2].map((width) => new nn.Conv2d(init, 21, width, { kernelSize: 1 }));
    return (image) => {
      const a = t.leakyRelu(stemNorm.forward(stem.forward(image)), 0.1);
      const b = point.forward(t.leakyRelu(depthNorm.forward(depth.forward(a)), 0.1));
      const c = wide.forward(t.relu(down.forward(b)));
      const up = t.resizeNearest(c, { size: [b.shape[1], b.shape[2]] });
      const d = t.add(t.leakyRelu(lateral.forward(b), 0.1), up);
      const e = t.relu(t.concat([merge.forward(d), side.forward(d)], -1));
      return [...heads.map((head) => head.forward(e)), c];
    };
  });
});

test("operations that nothing takes along", async () => {
  await compare("operations", [[2, 6, 5, 7]], (init) => {
    const alone = norm(init, 7, 30);
    const row = t.tensor(init.device, numbers(5, 7), [7]);
    return (x) => {
      const pooled = t.maxPool(x, { kernelSize: 3, stride: 2, padding: 1 });
      const mean = t.avgPool(x, { kernelSize: 2, stride: 2, ceilMode: true, padding: [0, [0, 1]] });
      return [
        t.leakyRelu(alone.forward(x), 0.3),
        t.mul(t.sigmoid(pooled), row),
        t.sub(mean, row),
        t.add(row, t.mul(x, 3)),
        t.softmax(t.reshape(x, [2, -1, 7])),
        t.concat([t.reshape(x, [2, 30, 7]), t.reshape(t.add(x, 1), [2, 30, 7])], 1),
        t.resizeNearest(pooled, { size: [7, 4] }),
        t.add(pooled, pooled),
      ];
    };
  });
});

test("groups, dilation, lopsided padding and one input twice", async () => {
  await compare(
    "odd",
    [
      [1, 11, 9, 6],
      [1, 11, 9, 6],
    ],
    (init) => {
      const grouped = new nn.Conv2d(init, 6, 9, {
        kernelSize: [3, 2],
        dilation: [2, 1],
        padding: [2, 1, 0, 1],
        groups: 3,
      });
      const plain = new nn.Conv2d(init, 6, 6, { kernelSize: 3, padding: 1 });
      return (a, b) => [grouped.forward(t.add(a, b)), t.add(plain.forward(a), a), plain.forward(b)];
    },
  );
});

const INFO = [{ shape: [1, 24, 20, 8], dtype: "f32" as const }];

function block(init: nn.Init): (x: Tensor) => { y: Tensor } {
  const conv = new nn.Conv2d(init, 8, 24, { kernelSize: 3, padding: 1 });
  const point = new nn.Conv2d(init, 24, 8, { kernelSize: 1 });
  return (x) => ({ y: point.forward(t.relu(conv.forward(x))) });
}

test("the number of threads changes no bit", async () => {
  const values = [numbers(1, 24 * 20 * 8)];
  const outputs = await Promise.all(
    [1, 3].map(async (threads) => {
      const other = await WasmEngine.create({ threads });
      const plan = await compileWasm(host, other, block(nn.Init.seeded(host, 1)), INFO);
      const runs = await Promise.all([plan.run(values), plan.run(values)]);
      other.dispose();
      assert.equal(runs[0], runs[1]);
      return outputValues(plan.outputs.y, runs[0]);
    }),
  );
  assert.equal(outputs[0], outputs[1]);
});

test("plans of several sizes share weights, and changed weights are packed again", async () => {
  const weights = new WasmWeights(engine);
  const conv = new nn.Conv2d(nn.Init.seeded(host, 1), 8, 8, { kernelSize: 1 });
  const forward = (x: Tensor) => conv.forward(x);
  const first = await compileWasm(host, engine, forward, INFO, { weights });
  const { bytes } = weights;
  const large = [{ shape: [1, 30, 30, 8], dtype: "f32" as const }];
  await compileWasm(host, engine, forward, large, { weights });
  assert.is(weights.bytes, bytes);
  const values = [numbers(2, 24 * 20 * 8)];
  const before = outputValues(first.outputs, await first.run(values));
  conv.weight.write(numbers(9, 64));
  assert.equal(
    outputValues(first.outputs, await first.run(values)),
    before,
    "a plan keeps its own",
  );
  const again = await compileWasm(host, engine, forward, INFO, { weights });
  assert.not.equal(outputValues(again.outputs, await again.run(values)), before);
  weights.dispose();
  assert.is(weights.bytes, 0);
});

test("NaN wins and infinities stay, as on the GPU", async () => {
  const rows = [
    [Number.NaN, 1, 2, 3, -1],
    [1, Number.NEGATIVE_INFINITY, Number.NaN, 5, 0],
    [3, -1, 2, Number.POSITIVE_INFINITY, Number.NaN],
  ];
  const init = nn.Init.seeded(host, 1);
  const conv = new nn.Conv2d(init, 1, 4, { kernelSize: 1 });
  const normed = norm(init, 4, 40);
  const ofRows: ((x: Tensor) => Tensor)[] = [
    (x) => t.max(x, { axes: [1] }),
    (x) => t.min(x, { axes: [1] }),
    (x) => t.reshape(t.maxPool(t.reshape(x, [3, 1, 5, 1]), { kernelSize: [1, 5] }), [3]),
    (x) => t.maxPoolWithPositions(t.reshape(x, [3, 1, 5, 1]), { kernelSize: [1, 5] }).y,
  ];
  const ofElements: ((x: Tensor) => Tensor)[] = [
    (x) => t.maximum(x, t.mul(x, 0.5)),
    (x) => t.minimum(t.mul(x, 2), x),
    (x) => t.clamp(x, -2, 2),
    (x) => t.maximum(x, 0),
    (x) => t.minimum(x, 0),
    ...[t.relu, t.leakyRelu, t.elu, t.selu, t.softplus, t.softsign, t.sigmoid, t.tanh, t.erf],
    // Of −∞ both are −∞ · 0.
    (x) => t.gelu(t.maximum(x, -9)),
    (x) => t.gelu(t.maximum(x, -9), { approximate: "tanh" }),
    ...[t.abs, t.exp, t.square, t.round, t.expm1],
  ];
  const pixels = (x: Tensor) => t.reshape(x, [1, 3, 5, 1]);
  const ofPixels: ((x: Tensor) => Tensor)[] = [
    (x) => t.relu(conv.forward(pixels(x))),
    (x) => t.relu(normed.forward(conv.forward(pixels(x)))),
    (x) => t.relu(normed.forward(t.add(t.relu(conv.forward(pixels(x))), 1))),
  ];
  const forwards = [...ofRows, ...ofElements, ...ofPixels];
  const info = { shape: [3, 5], dtype: "f32" as const };
  const plan = await compileWasm(host, engine, (x: Tensor) => forwards.map((f) => f(x)), [info]);
  const results = await plan.run([Float32Array.from(rows.flat())]);
  const found = (plan.outputs as readonly WasmOutput[]).map((o) => outputValues(o, results));
  const isNan = rows.flat().map(Number.isNaN);
  for (const [i, values] of found.entries()) {
    const width = values.length / 15;
    const expected = width < 1 ? [true, true, true] : isNan.flatMap((n) => Array(width).fill(n));
    assert.equal([...values].map(Number.isNaN), expected, `output ${i}`);
  }
  assert.equal([...found[ofRows.length + 5]].slice(8, 15), [5, 0, 3, 0, 2, Infinity, Number.NaN]);
  plan.dispose();
});

test("batches of nothing give nothing", async () => {
  const conv = new nn.Conv2d(nn.Init.seeded(host, 1), 3, 4, { kernelSize: 3 });
  const forward = (x: Tensor) => {
    const y = t.relu(conv.forward(x));
    return [y, t.softmax(t.reshape(y, [-1, 16])), t.sort(y).values, t.sum(y)];
  };
  const plan = await compileWasm(host, engine, forward, [{ shape: [0, 4, 4, 3], dtype: "f32" }]);
  const results = await plan.run([new Float32Array(0)]);
  const found = plan.outputs.map((output) => outputValues(output, results));
  assert.equal(
    found.map((values) => [...values]),
    [[], [], [], [0]],
  );
  plan.dispose();
  await rejectsCode(plan.run([new Float32Array(0)]), "DISPOSED", /compile again/);
});

test("what it cannot do is named", async () => {
  const [x] = INFO;
  await rejectsCode(
    compileWasm(host, engine, (a) => t.cast(t.exp(t.cast(a, "f16")), "f32"), [x]),
    "WASM_UNSUPPORTED",
    /no kernel for cast of \[1, 24, 20, 8\] f32, exp of .* f16, .*leave out cast\(x, "f16"\)/,
  );
  const plan = await compileWasm(host, engine, (a) => t.relu(a), [x]);
  await rejectsCode(plan.run([new Float32Array(3)]), "SHAPE", /3 values for input 0/);
  await rejectsCode(plan.run([]), "SHAPE", /nothing for input 0/);
  const huge = [{ shape: [1, 40000, 40000, 8], dtype: "f32" as const }];
  const large = await compileWasm(host, engine, (a) => t.relu(a), huge);
  await rejectsCode(
    large.runAfter({ steps: [], bytes: 0, writes: [] }),
    "WASM_OUT_OF_MEMORY",
    /MiB/,
  );
  const values = numbers(1, 24 * 20 * 8);
  assert.equal(
    (await plan.run([values]))[0],
    values.map((v) => Math.max(0, v)),
  );
});

test("a device without a GPU holds tensors and computes nothing", async () => {
  const x = t.tensor(host, [1, 2, 3], [3]);
  assert.equal([...(await x.data())], [1, 2, 3]);
  assert.equal([...(await t.zeros(host, [2]).data())], [0, 0]);
  assert.throws(() => t.relu(x), /only holds tensors.*WebGPU adapter/);
});

test("a thread that fails ends its engine, and nobody waits for ever", async () => {
  const broken = await WasmEngine.create({ threads: 2 });
  const kernel = softmaxKernel({ rows: 1, width: 1 });
  const words = kernel.words.slice();
  words[1] = 99;
  const place = { offset: 0 };
  const job = {
    bytes: 64,
    steps: [{ kernel: { ...kernel, words }, places: { input: place, output: place } }],
    writes: [],
    reads: [],
  };
  await rejectsCode(broken.run(job), "WASM_UNAVAILABLE", /unreachable/);
  assert.ok(broken.isLost);
  await rejectsCode(broken.run({ ...job, steps: [] }), "WASM_UNAVAILABLE", /create another/);
  const disposed = await WasmEngine.create({ threads: 1 });
  const waiting = disposed.run({ ...job, steps: [] });
  disposed.dispose();
  await rejectsCode(waiting, "DISPOSED", /disposed/);
});

test.run();
