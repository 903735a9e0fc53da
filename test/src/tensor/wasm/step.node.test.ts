/** Compiled steps on the WebAssembly engine: gradients, memory, threads, what it refuses. */
import * as t from "@retinaface-webgpu/tensor";
import { compileStep, type Device, nn, optim, type Tensor } from "@retinaface-webgpu/tensor";
import { createHostDevice, WasmEngine } from "@retinaface-webgpu/tensor/wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { Random } from "../../support/random.js";
import { rejectsCode, throwsCode } from "../../support/throws.js";

const engines: WasmEngine[] = [];
const hosts: Device[] = [];
const host = () => hosts[1];

test.before(async () => {
  for (const threads of [1, 3]) {
    const engine = await WasmEngine.create({ threads });
    engines.push(engine);
    hosts.push(await createHostDevice(engine));
  }
});

test.after(() => {
  for (const device of hosts) device.destroy();
  for (const engine of engines) engine.dispose();
});

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function numbers(seed: number, count: number, low = -2, high = 2): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.uniform(low, high));
}

type Losses = (parameters: readonly Tensor[]) => Tensor;

/** The loss of parameters of these values, and its gradients: an SGD of rate 1 takes them away. */
async function gradientsOf(
  device: Device,
  losses: Losses,
  values: readonly Float32Array[],
  shapes: readonly (readonly number[])[],
) {
  const parameters = shapes.map((shape, i) => nn.Parameter.from(device, values[i], shape));
  const optimizer = new optim.SGD(parameters, { lr: 1, momentum: 0.5 });
  const step = await compileStep(device, {
    inputs: {},
    losses: () => ({ total: losses(parameters) }),
    optimizer,
  });
  for (const { buffer } of step.arena) {
    const storage = { buffer, bytes: buffer.size, capacity: buffer.size, label: "" };
    device.write(storage, new Float32Array(buffer.size / 4).fill(Number.NaN));
  }
  step.run();
  const { total } = await step.read();
  const { tensors } = await optimizer.stateDict();
  const gradients = shapes.map((_, i) => Array.from(tensors.get(`${i}.velocity`)!.data, Number));
  step.dispose();
  optimizer.dispose();
  for (const parameter of parameters) parameter.dispose();
  return { total, gradients };
}

/** A loss against finite differences of itself: the largest steps in f32 that leave curvature aside. */
async function checkGradients(
  name: string,
  losses: Losses,
  shapes: readonly (readonly number[])[],
  range: readonly [number, number] = [-2, 2],
) {
  const values = shapes.map((shape, i) => numbers(i + 7, sizeOf(shape), ...range));
  const { gradients } = await gradientsOf(host(), losses, values, shapes);
  const h = 2e-3;
  const random = new Random(3);
  for (const [k, own] of values.entries()) {
    for (let probe = 0; probe < 3; probe++) {
      const i = random.integer(0, own.length - 1);
      const at = async (value: number) => {
        const moved = values.map((each) => each.slice());
        moved[k][i] = value;
        return (await gradientsOf(host(), losses, moved, shapes)).total;
      };
      const [up, down] = [own[i] + h, own[i] - h].map(Math.fround);
      const slope = ((await at(up)) - (await at(down))) / (up - down);
      assertClose([gradients[k][i]], [slope], {
        atol: 1e-2,
        rtol: 1e-2,
        what: `${name} ${k}[${i}]`,
      });
    }
  }
}

const summed =
  (f: (...x: Tensor[]) => Tensor): Losses =>
  (x) => {
    const y = f(...x);
    // Weights that differ, so that no permutation of the gradient goes unseen.
    const weights = t.tensor(y.device, numbers(99, y.size, 0.5, 1.5), y.shape);
    return t.sum(t.mul(y, weights));
  };

const CASES: Readonly<
  Record<string, [Losses, (readonly number[])[], (readonly [number, number])?]>
> = {
  convolution: [
    summed((x, w, b) => t.conv2d(x, w, b, { stride: 2, padding: 1 })),
    [[2, 7, 6, 3], [5, 3, 3, 3], [5]],
  ],
  "grouped convolution": [
    summed((x, w) => t.conv2d(x, w, undefined, { groups: 2, dilation: 2 })),
    [
      [1, 7, 6, 4],
      [6, 2, 2, 3],
    ],
  ],
  "depthwise convolution": [
    summed((x, w) => t.conv2d(x, w, undefined, { groups: 6, padding: 1 })),
    [
      [2, 5, 6, 6],
      [6, 1, 3, 3],
    ],
  ],
  "deformable convolution": [
    summed((x, o, w, b, m) => {
      // Away from whole pixels, where samples have kinks.
      const offset = t.addScalar(t.mulScalar(o, 0.2), 0.45);
      return t.deformConv2d(x, offset, w, b, m, { padding: 1, stride: 2, groups: 2 });
    }),
    [[2, 5, 6, 6], [2, 3, 3, 36], [4, 3, 3, 3], [4], [2, 3, 3, 18]],
  ],
  "deformable convolution without a mask": [
    summed((x, o, w) => {
      const offset = t.addScalar(t.mulScalar(o, 0.2), 1.45);
      return t.deformConv2d(x, offset, w, undefined, undefined, { dilation: 2, padding: 1 });
    }),
    [
      [1, 5, 4, 20],
      [1, 5, 4, 8],
      [3, 20, 2, 2],
    ],
  ],
  "batch norm": [summed((x, g, b) => t.batchNormTraining(x, g, b).y), [[3, 4, 5, 7], [7], [7]]],
  "batch norm with statistics": [
    summed((x, g, b) =>
      t.batchNorm(x, {
        mean: t.full(x.device, [3], 0.5),
        variance: t.full(x.device, [3], 2),
        gamma: g,
        beta: b,
      }),
    ),
    [[2, 3, 3], [3], [3]],
  ],
  pools: [
    summed((x) =>
      t.concat(
        [
          t.maxPool(x, { kernelSize: 3, stride: 2, padding: 1 }),
          t.avgPool(x, { kernelSize: 3, stride: 2, padding: 1 }),
        ],
        3,
      ),
    ),
    [[2, 7, 5, 18]],
  ],
  resize: [summed((x) => t.resizeNearest(x, { size: [7, 5] })), [[2, 3, 2, 5]]],
  broadcasting: [
    summed((a, b, c) => t.add(t.mul(t.sub(a, b), c), t.div(a, t.add(t.square(b), 1)))),
    [[3, 1, 5], [4, 1], [5]],
  ],
  extremes: [
    summed((a, b) => t.maximum(t.minimum(a, b), t.clamp(a, -1, 1))),
    [
      [4, 5],
      [4, 5],
    ],
  ],
  functions: [
    summed((x) =>
      t.add(
        t.mul(t.sigmoid(x), t.exp(x)),
        t.mul(t.tanh(x), t.add(t.softplus(x), t.leakyRelu(x, 0.2))),
      ),
    ),
    [[3, 7]],
  ],
  "functions of what is positive": [
    summed((x) =>
      t.add(
        t.add(t.log(x), t.sqrt(x)),
        t.add(t.rsqrt(x), t.add(t.powScalar(x, 1.7), t.powScalar(x, 3))),
      ),
    ),
    [[3, 7]],
    [0.5, 2],
  ],
  "functions of other networks": [
    summed((x) =>
      t.add(
        t.add(
          t.add(t.erf(x), t.gelu(x)),
          t.add(t.mul(t.sin(x), 0.7), t.gelu(x, { approximate: "tanh" })),
        ),
        t.add(t.mul(t.add(t.elu(x, 1.3), t.selu(x)), 0.5), t.mul(t.softsign(x), t.cos(x))),
      ),
    ),
    [[3, 7]],
  ],
  "powers and slopes": [
    summed((a, b) =>
      t.add(t.add(t.pow(a, b), t.pow(1.7, b)), t.add(t.expm1(t.log1p(a)), t.prelu(t.sub(a, b), b))),
    ),
    [[4, 3], [3]],
    [0.5, 2],
  ],
  "order and sums": [
    summed((x) =>
      t.add(
        t.mul(t.sort(x, { axis: 1 }).values, x),
        t.add(t.cumsum(x, 1), t.mul(t.prod(t.topk(x, 2, { axis: 0 }).values, { axes: [0] }), 0.3)),
      ),
    ),
    [[3, 5]],
  ],
  indices: [
    summed((x, r) => {
      const index = t.tensor(x.device, [2, 0, 2, -1], [4], { dtype: "i32" });
      const each = t.tensor(x.device, [1, 0, 0, 3, 2, 3], [2, 3], { dtype: "i32" });
      const picked = t.mul(t.gatherElements(x, each, 0), t.scatterAddElements(r, each, 2, 0));
      return t.add(t.sum(picked), t.mul(t.gather(x, index), t.scatterAdd(x, index, 4)));
    }),
    [
      [4, 3],
      [2, 3],
    ],
  ],
  "sparse product": [
    summed((values, dense) => {
      const [crowIndices, colIndices] = [
        [0, 2, 2, 5],
        [1, 3, 0, 2, 3],
      ].map((each) => t.tensor(values.device, each, [each.length], { dtype: "i32" }));
      return t.sparseMatmul({ crowIndices, colIndices, values, size: [3, 4] }, dense);
    }),
    [[5], [4, 5]],
  ],
  "sparse product whose transposed matrix is at hand": [
    summed((dense) => {
      const csr = (crow: number[], col: number[], values: number[]) => {
        const integers = (list: number[]) =>
          t.tensor(dense.device, list, [list.length], { dtype: "i32" });
        const [crowIndices, colIndices] = [integers(crow), integers(col)];
        return { crowIndices, colIndices, values: t.tensor(dense.device, values, [values.length]) };
      };
      const transposed = {
        ...csr([0, 1, 2, 3, 4], [1, 0, 1, 0], [3, 1, -4, 2]),
        size: [4, 2] as const,
      };
      const own = csr([0, 2, 4], [1, 3, 0, 2], [1, 2, 3, -4]);
      return t.sparseMatmul({ ...own, size: [2, 4], transposed }, dense);
    }),
    [[4, 5]],
  ],
  "drawn triangles": [
    summed((moved, values) => {
      const corners = [0.3, 0.2, 2, 6.8, 1.1, 3, 2.2, 5.9, 1.5, 7.4, 6.3, 2.5];
      const base = t.tensor(moved.device, [...corners, ...corners], [2, 4, 3]);
      const triangles = t.tensor(moved.device, [0, 1, 2, 3, 2, 1], [2, 3], { dtype: "i32" });
      const positions = t.add(base, t.mulScalar(moved, 0.1));
      return t.interpolateVertices(values, t.rasterize(positions, triangles, { size: [6, 7] }));
    }),
    [
      [2, 4, 3],
      [2, 4, 3],
    ],
  ],
  padding: [
    summed((x) =>
      t.add(
        t.pad(
          x,
          [
            [2, 1],
            [0, 3],
          ],
          { mode: "reflect" },
        ),
        t.mul(
          t.pad(
            x,
            [
              [0, 3],
              [1, 2],
            ],
            { mode: "edge" },
          ),
          t.pad(
            x,
            [
              [4, -1],
              [-1, 4],
            ],
            { value: 2 },
          ),
        ),
      ),
    ),
    [[3, 5]],
  ],
  "sampled resize": [
    summed((x) =>
      t.add(
        t.resizeBilinear(x, { size: [7, 5] }),
        t.resizeNearest(x, { size: [7, 5], coordinates: "halfPixel", rounding: "roundPreferCeil" }),
      ),
    ),
    [[2, 4, 3, 3]],
  ],
  "pools of sequences": [
    summed((x) => t.add(t.maxPool(x, { kernelSize: 2 }), t.avgPool(x, { kernelSize: 2 }))),
    [[2, 7, 3]],
  ],
  "pools of volumes": [
    summed((x) => {
      const options = { kernelSize: [2, 3, 2], stride: [1, 2, 1], padding: [1, 1, 0] };
      return t.add(t.maxPool(x, options), t.avgPool(x, { ...options, countIncludePad: false }));
    }),
    [[2, 3, 4, 5, 3]],
  ],
  dropout: [
    // The mask is one and the same, as the call is.
    summed((x) => t.dropout(t.square(x), { keep: 0.6, seed: 4, call: 2 })),
    [[5, 9]],
  ],
  "with numbers": [
    summed((x) => t.add(t.div(3, x), t.sub(1, t.mul(t.abs(x), 0.5)))),
    [[9]],
    [0.5, 2],
  ],
  reductions: [
    ([x]) =>
      t.add(
        t.sum(t.square(t.mean(x, { axes: [1] }))),
        t.add(t.mean(t.max(x, { axes: [0, 2] })), t.sumSquares(t.sum(x, { axes: [0] }))),
      ),
    [[3, 4, 5]],
  ],
  movement: [
    summed((x) => {
      const part = t.slice(x, [{ step: 2 }, { start: 1, end: 3 }, { step: -1 }]);
      return t.concat([t.permute(part, [2, 1, 0]), t.reshape(part, [5, 2, 2])], 1);
    }),
    [[3, 4, 5]],
  ],
  softmax: [summed((x) => t.add(t.softmax(x), t.logSoftmax(x))), [[5, 6]]],
  "cross-entropy": [
    ([x]) => t.crossEntropy(x, t.tensor(x.device, [0, 2, -100, 1], [4], { dtype: "i32" })),
    [[4, 3]],
  ],
  "smooth L1": [
    ([x, y]) => t.smoothL1Loss(x, y, { beta: 0.7 }),
    [
      [4, 3],
      [4, 3],
    ],
  ],
  "focal loss": [
    ([x]) =>
      t.sigmoidFocalLoss(x, t.tensor(x.device, [0, 1, 1, 0, 0.3], [5]), { reduction: "sum" }),
    [[5]],
  ],
  "binary cross-entropy": [
    ([x]) => t.binaryCrossEntropyWithLogits(x, t.tensor(x.device, [0, 1, 0.2], [3])),
    [[3]],
  ],
  where: [summed((a, b) => t.where(t.greater(a, 0), t.mul(a, b), b)), [[3, 4], [4]]],
};

for (const [name, [losses, shapes, range]] of Object.entries(CASES)) {
  test(`gradients are those of finite differences: ${name}`, () =>
    checkGradients(name, losses, shapes, range));
}

test("the number of threads changes no bit", async () => {
  const [losses, shapes] = CASES.convolution;
  const values = shapes.map((shape, i) => numbers(i, sizeOf(shape)));
  const [one, three] = await Promise.all(
    hosts.map((device) => gradientsOf(device, losses, values, shapes)),
  );
  assert.equal(one, three);
});

test("what has no kernel is named before anything runs", async () => {
  const x = nn.Parameter.from(host(), numbers(1, 6), [2, 3]);
  const optimizer = new optim.SGD([x], { lr: 1 });
  const losses = () => ({
    total: t.sum(t.cast(t.cast(x, "f16"), "f32")),
  });
  const compiling = compileStep(host(), { inputs: {}, losses, optimizer });
  const remedy = /cast of \[2, 3\] f32 in a training step: .*leave out cast\(x, "f16"\)/;
  await rejectsCode(compiling, "WASM_UNSUPPORTED", remedy);
});

test("single operations say what there is instead", () => {
  const x = t.tensor(host(), [1, 2], [2]);
  throwsCode(() => t.exp(x), "WEBGPU_UNAVAILABLE");
});

test("work is done in the order of its submission, also while the engine is busy", async () => {
  const x = nn.Parameter.from(host(), new Float32Array(4).fill(1), [4]);
  const optimizer = new optim.SGD([x], { lr: 0.5 });
  const step = await compileStep(host(), {
    inputs: { scale: { shape: [], dtype: "f32" } },
    losses: ({ scale }) => ({ total: t.sum(t.mul(x, scale)) }),
    optimizer,
  });
  const reads: Promise<unknown>[] = [];
  for (let i = 0; i < 4; i++) {
    step.inputs.scale.write([i]);
    step.run();
    reads.push(x.data().then((values) => values[0]));
  }
  assert.equal(await Promise.all(reads), [1, 0.5, -0.5, -2]);
});

test("a plan compiled on the device reads and writes its tensors", async () => {
  const layer = new nn.Conv2d(nn.Init.seeded(host(), 1), 3, 4, { kernelSize: 3, padding: 1 });
  const plan = await t.compile(host(), (image: Tensor) => ({ y: t.relu(layer.forward(image)) }), [
    { shape: [1, 4, 4, 3], dtype: "f32" },
  ]);
  plan.inputs[0].write(numbers(1, 48));
  plan.run();
  const before = await plan.outputs.y.tensor.data();
  layer.weight.write(new Float32Array(layer.weight.size));
  await plan.update();
  plan.run();
  const after = await plan.outputs.y.tensor.data();
  const bias = await layer.bias!.data();
  assert.ok(before.some((value, i) => value !== after[i]));
  assertClose(
    after,
    Array.from(after, (_, i) => Math.max(0, Number(bias[i % 4]))),
  );
  plan.dispose();
});

test("profile() tells what each kernel of a step took", async () => {
  const x = nn.Parameter.from(host(), numbers(1, 600), [20, 30]);
  const optimizer = new optim.SGD([x], { lr: 0.1 });
  const step = await compileStep(host(), {
    inputs: {},
    losses: () => ({ total: t.sum(t.square(x)) }),
    optimizer,
  });
  const before = performance.now();
  const timings = await host().profile(() => step.run());
  const most = performance.now() - before;
  assert.is(timings.length, step.stats.dispatches);
  assert.ok(timings.some(({ name }) => name === "map-square"));
  assert.is(timings.find(({ name }) => name === "map-square")!.bytes, 2 * 600 * 4);
  const whole = timings.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  assert.ok(whole > 0 && whole <= most, `${whole} of ${most}`);
  assert.ok(timings.every(({ milliseconds, threads = -1 }) => milliseconds >= 0 && threads >= 0));
  // A run that nobody asks about is none of what is told later, and gives the same.
  const { total } = await step.read();
  step.run();
  assert.equal(await host().profile(() => {}), []);
  assert.not.equal((await step.read()).total, total);
  step.dispose();
  optimizer.dispose();
});

test("an engine that ends takes the device with it", async () => {
  const engine = await WasmEngine.create({ threads: 1 });
  const device = await createHostDevice(engine);
  const x = nn.Parameter.from(device, Float32Array.of(1, 2), [2]);
  const optimizer = new optim.SGD([x], { lr: 1 });
  const step = await compileStep(device, {
    inputs: {},
    losses: () => ({ total: t.sum(x) }),
    optimizer,
  });
  engine.dispose();
  step.run();
  await rejectsCode(step.read(), "DEVICE_LOST");
});

test.run();
