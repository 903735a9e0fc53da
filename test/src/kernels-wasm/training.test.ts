/** What training steps have besides convolutions and batch norm, against double precision. */
import {
  adamUpdate,
  crossEntropy,
  crossEntropyGradient,
  hardNegatives,
  type MapFunction,
  map,
  maxPoolPositions,
  poolGradient,
  type ReduceSpec,
  reduce,
  resizeNearestGradient,
  type SizedPool,
  sgdUpdate,
} from "@retinaface-webgpu/kernels-wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";
import { runWasm, runWasmSteps } from "../support/wasm.js";

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function numbers(seed: number, count: number, low = -3, high = 3): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.uniform(low, high));
}

type Value = (x: number, y: number, z: number, p: number, q: number) => number;

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const halves = (g: number, wins: boolean, ties: boolean) => (wins ? g : ties ? g / 2 : 0);

function focalLoss(x: number, t: number, alpha: number, gamma: number): number {
  const p = sigmoid(x);
  const weight = alpha < 0 ? 1 : alpha * t + (1 - alpha) * (1 - t);
  const entropy = -(t * Math.log(p) + (1 - t) * Math.log1p(-p));
  return weight * (p * (1 - t) + (1 - p) * t) ** gamma * entropy;
}

const FUNCTIONS: Partial<Record<MapFunction, Value>> = {
  copy: (x) => x,
  add: (x, y) => x + y,
  subtract: (x, y) => x - y,
  multiply: (x, y) => x * y,
  divide: (x, y) => x / y,
  maximum: (x, y) => Math.max(x, y),
  minimum: (x, y) => Math.min(x, y),
  equal: (x, y) => Number(x === y),
  less: (x, y) => Number(x < y),
  lessEqual: (x, y) => Number(x <= y),
  greater: (x, y) => Number(x > y),
  greaterEqual: (x, y) => Number(x >= y),
  relu: (x) => Math.max(x, 0),
  leakyRelu: (x, _, __, p) => (x >= 0 ? x : p * x),
  absolute: Math.abs,
  sign: Math.sign,
  negate: (x) => -x,
  square: (x) => x * x,
  squareRoot: (x) => Math.sqrt(x),
  reciprocalRoot: (x) => 1 / Math.sqrt(x),
  reciprocal: (x) => 1 / x,
  exponential: (x) => Math.exp(x),
  sigmoid,
  tanh: (x) => Math.tanh(x),
  logarithm: (x) => Math.log(x),
  softplus: (x) => Math.log1p(Math.exp(x)),
  clamp: (x, _, __, p, q) => Math.min(Math.max(x, p), q),
  addConstant: (x, _, __, p) => x + p,
  multiplyConstant: (x, _, __, p) => x * p,
  constantMinus: (x, _, __, p) => p - x,
  constantOver: (x, _, __, p) => p / x,
  equalConstant: (x, _, __, p) => Number(x === p),
  lessConstant: (x, _, __, p) => Number(x < p),
  lessEqualConstant: (x, _, __, p) => Number(x <= p),
  greaterConstant: (x, _, __, p) => Number(x > p),
  greaterEqualConstant: (x, _, __, p) => Number(x >= p),
  constantPower: (x, _, __, p) => x ** p,
  constantPowerGradient: (x, y, _, p) => x * p * y ** (p - 1),
  select: (x, y, z) => (x !== 0 ? y : z),
  constant: (_, __, ___, p) => p,
  lerp: (x, y, _, p) => y + p * (x - y),
  addScaled: (x, y, _, p) => y + p * x,
  clipNorm: (x, y, _, p) => x * Math.min(1, p / (Math.sqrt(y) + 1e-6)),
  divideGradient: (g, _, z) => g / z,
  divisorGradient: (g, y, z) => (-g * y) / (z * z),
  maximumGradient: (g, y, z) => halves(g, y > z, y === z),
  otherMaximumGradient: (g, y, z) => halves(g, z > y, y === z),
  minimumGradient: (g, y, z) => halves(g, y < z, y === z),
  otherMinimumGradient: (g, y, z) => halves(g, z < y, y === z),
  reluGradient: (g, y) => (y > 0 ? g : 0),
  leakyReluGradient: (g, y, _, p) => (y > 0 ? g : g * p),
  absoluteGradient: (g, y) => g * Math.sign(y),
  squareGradient: (g, y) => 2 * g * y,
  squareRootGradient: (g, y) => (0.5 * g) / y,
  reciprocalRootGradient: (g, y) => -0.5 * g * y ** 3,
  reciprocalGradient: (g, y) => -g * y * y,
  exponentialGradient: (g, y) => g * y,
  sigmoidGradient: (g, y) => g * y * (1 - y),
  clampGradient: (g, y, _, p, q) => (y >= p && y <= q ? g : 0),
  constantOverGradient: (g, y, _, p) => (-g * p) / (y * y),
  tanhGradient: (g, y) => g * (1 - y * y),
  logarithmGradient: (g, y) => g / y,
  softplusGradient: (g, y) => g * sigmoid(y),
  smoothL1: (x, y, _, p, q) => {
    const d = Math.abs(x - y);
    return d < p ? d * d * q : d - p / 2;
  },
  smoothL1Gradient: (g, y, z, p, q) => {
    const d = y - z;
    return g * (Math.abs(d) < p ? d * q : Math.sign(d));
  },
  focal: (x, y, _, p, q) => focalLoss(x, y, p, q),
  focalGradient: (g, y, z, p, q) => {
    const h = 1e-5;
    return (g * (focalLoss(y + h, z, p, q) - focalLoss(y - h, z, p, q))) / (2 * h);
  },
};

const POSITIVE = /Root|logarithm|Power|clipNorm/;
/** Their targets lie in 0 … 1. */
const TARGETS = /^focal/;

for (const [name, value] of Object.entries(FUNCTIONS)) {
  test(`${name} of every element`, async () => {
    const kind = name as MapFunction;
    const low = POSITIVE.test(name) ? 0.1 : -3;
    const [p, q] = [0.5, 1.25];
    const count = 4099;
    const [x, y, z] = [1, 2, 3].map((seed) => numbers(seed, count, low, 3));
    const target = name === "focal" ? y : z;
    if (TARGETS.test(name)) for (const i of target.keys()) target[i] = (target[i] + 3) / 6;
    // Ties, and zeros.
    y.set(x.subarray(0, 50));
    z.set(x.subarray(0, 50));
    if (low < 0) x.fill(0, 60, 70);
    if (TARGETS.test(name)) target.fill(1, 0, 100);
    const operands = [x, y, z].slice(0, name === "constant" ? 0 : 3);
    const dense = { strides: [1] };
    const kernel = map({
      ...{ kind, shape: [count], output: dense, p, q },
      operands: operands.map(() => dense),
    });
    const named = Object.fromEntries(operands.map((each, i) => ["xyz"[i], each]));
    const actual = await runWasm(kernel, { ...named, output: count });
    const expected = Array.from(x, (_, i) => value(x[i], y[i], z[i], p, q));
    const rtol = TARGETS.test(name) ? 2e-5 : 2e-6;
    assertClose(actual, expected, { atol: rtol, rtol });
  });
}

test("functions at their edges", async () => {
  const x = Float32Array.of(0, -0, 1e-40, 1e30, Infinity, -Infinity, NaN, -2, 1, 88, -88);
  const run = (kind: MapFunction, p = 0) => {
    const dense = { strides: [1] };
    const spec = { kind, shape: [x.length], output: dense, operands: [dense], p };
    return runWasm(map(spec), { x, output: x.length });
  };
  const near = { rtol: 2e-6, atol: 1e-37 };
  assertClose(await run("logarithm"), Array.from(x, Math.log), near);
  assertClose(await run("tanh"), Array.from(x, Math.tanh), near);
  assertClose(await run("sigmoid"), Array.from(x, sigmoid), near);
  assertClose(await run("constantPower", 0.5), Array.from(x, Math.sqrt), near);
  const inverse = Array.from(x, (v) => Math.fround(1 / (v === 0 ? 0 : v)));
  assertClose(await run("constantPower", -1), inverse, { ...near, rtol: 1e-5 });
  assertClose(
    await run("wholePower", 3),
    Array.from(x, (v) => Math.fround(v ** 3)),
    near,
  );
});

test("integers are converted and moved", async () => {
  const dense = { strides: [1] };
  const base = { shape: [5], output: dense, operands: [dense] };
  const x = Int32Array.of(-1, 0, 7, 2 ** 24 + 1, -(2 ** 31));
  const copied = await runWasm(map({ ...base, kind: "copy" }), { x, output: 5 });
  assert.equal([...new Int32Array(copied.buffer)], [...x]);
  const floats = await runWasm(map({ ...base, kind: "floatOfInteger" }), { x, output: 5 });
  assert.equal([...floats], [...x].map(Math.fround));
  const y = Float32Array.of(-1.7, 2.9, NaN, 3e9, -3e9);
  const whole = await runWasm(map({ ...base, kind: "integerOfFloat" }), { x: y, output: 5 });
  assert.equal([...new Int32Array(whole.buffer)], [-1, 2, 0, 2 ** 31 - 1, -(2 ** 31)]);
});

test("operands repeat along axes, lie apart, backwards and permuted", async () => {
  const shape = [3, 5, 2, 7];
  const x = numbers(1, sizeOf(shape));
  const [row, column] = [numbers(2, 7), numbers(3, 5 * 2)];
  const z = numbers(4, 7 * 3 * 5 * 2 * 2);
  const strides = [70, 14, 7, 1];
  const kernel = map({
    kind: "select",
    shape,
    output: { strides },
    operands: [
      { strides: [0, 2, 1, 0] },
      { strides: [0, 0, 0, -1], offset: 6 },
      { strides: [20, 4, 2, 60] },
    ],
  });
  column[3] = 0;
  column[8] = 0;
  const actual = await runWasm(kernel, { x: column, y: row, z, output: x.length });
  const expected = Array.from(x, (_, i) => {
    const [a, b, c, d] = [Math.floor(i / 70), Math.floor(i / 14) % 5, Math.floor(i / 7) % 2, i % 7];
    return column[b * 2 + c] !== 0 ? row[6 - d] : z[a * 20 + b * 4 + c * 2 + d * 60];
  });
  assert.equal([...actual], expected);
});

test("rows of several chunks, which begin within an axis", async () => {
  const shape = [2, 3, 5003, 3];
  const x = numbers(1, sizeOf(shape));
  const [weight, part] = [numbers(2, 2 * 5003), numbers(3, 3)];
  const strides = [45027, 15009, 3, 1];
  const product = map({
    ...{ kind: "multiply", shape, output: { strides } },
    operands: [{ strides }, { strides: [5003, 0, 1, 0] }],
  });
  const chosen = map({
    ...{ kind: "select", shape, output: { strides } },
    operands: [{ strides: [5003, 0, 1, 0] }, { strides }, { strides: [0, 1, 0, 0] }],
  });
  weight.fill(0, 5000, 5010);
  const scaled = await runWasm(product, { x, y: weight, output: x.length });
  const other = await runWasm(chosen, { x: weight, y: x, z: part, output: x.length });
  for (let i = 0; i < x.length; i++) {
    const at = weight[Math.floor(i / 45027) * 5003 + (Math.floor(i / 3) % 5003)];
    const wanted = at === 0 ? part[Math.floor(i / 15009) % 3] : x[i];
    if (scaled[i] === Math.fround(x[i] * at) && other[i] === wanted) continue;
    assert.unreachable(`${i}: ${scaled[i]} and ${other[i]}`);
  }
});

const REDUCTIONS: readonly [shape: number[], axes: number[]][] = [
  [[40013], [0]],
  [
    [3, 5, 7],
    [0, 1, 2],
  ],
  [[3, 5, 7], [1]],
  [
    [3, 5, 7],
    [0, 2],
  ],
  [
    [200, 9, 33],
    [0, 1],
  ],
  [
    [2, 3, 2, 3, 2],
    [1, 3],
  ],
  [[4, 6], []],
  [
    [1, 1, 5],
    [0, 1],
  ],
];
const JOINED: Record<ReduceSpec["kind"], (values: number[]) => number> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  mean: (values) => values.reduce((a, b) => a + b, 0) / values.length,
  sumSquares: (values) => values.reduce((a, b) => a + b * b, 0),
  maximum: (values) => values.reduce((a, b) => Math.max(a, b)),
  minimum: (values) => values.reduce((a, b) => Math.min(a, b)),
  product: (values) => values.reduce((a, b) => a * b, 1),
};

for (const kind of Object.keys(JOINED) as ReduceSpec["kind"][]) {
  test(`${kind} over axes`, async () => {
    for (const [shape, axes] of REDUCTIONS) {
      const range = kind === "product" ? [0.9, 1.1] : [-3, 4];
      const input = numbers(shape.length, sizeOf(shape), ...range);
      const groups = new Map<string, number[]>();
      for (const [i, value] of input.entries()) {
        let rest = i;
        const index = shape.map(() => 0);
        for (let axis = shape.length - 1; axis >= 0; axis--) {
          index[axis] = rest % shape[axis];
          rest = Math.floor(rest / shape[axis]);
        }
        const key = index.filter((_, axis) => !axes.includes(axis)).join();
        const own = groups.get(key);
        if (own) own.push(value);
        else groups.set(key, [value]);
      }
      const expected = [...groups.values()].map(JOINED[kind]);
      const { segments, merge, partialBytes } = reduce({ kind, shape, axes });
      const operands = { input, partial: partialBytes / 4, output: expected.length };
      const { output } = await runWasmSteps([segments, merge], operands);
      const what = `${kind} of [${shape}] over [${axes}]`;
      assertClose(output, expected, { rtol: 1e-6, atol: 1e-4, what });
    }
  });
}

test("cross-entropy and its gradient, with ignored rows, wrong labels and large logits", async () => {
  const [rows, width] = [7, 5];
  const logits = numbers(1, rows * width, -30, 30);
  logits.set([900, -900, 0, 0, 0], 0);
  const labels = Int32Array.of(1, 4, -1, 0, 9, 2, 3);
  const gradient = numbers(2, rows);
  const spec = { rows, width, ignoreIndex: -1 };
  const parts = Array.from({ length: rows }, (_, row) => {
    const own = [...logits.subarray(row * width, (row + 1) * width)];
    const top = Math.max(...own);
    const total = own.reduce((sum, x) => sum + Math.exp(x - top), 0);
    const label = labels[row];
    if (label === -1) return { loss: 0, slopes: own.map(() => 0) };
    if (label > 4) return { loss: Number.NaN, slopes: own.map(() => Number.NaN) };
    const slope = (x: number, i: number) => Math.exp(x - top) / total - Number(i === label);
    const slopes = own.map((x, i) => gradient[row] * slope(x, i));
    return { loss: Math.log(total) + top - own[label], slopes };
  });
  const losses = await runWasm(crossEntropy(spec), { logits, labels, output: rows });
  const near = { rtol: 2e-6, atol: 1e-5 };
  assertClose(
    losses,
    parts.map(({ loss }) => loss),
    near,
  );
  const given = { gradient, logits, labels, output: rows * width };
  const slopes = await runWasm(crossEntropyGradient(spec), given);
  assertClose(
    slopes,
    parts.flatMap((part) => part.slopes),
    near,
  );
});

test("the hardest negatives are chosen, of equal ones the first", async () => {
  const [batch, priors, ratio] = [3, 501, 2.5];
  const random = new Random(5);
  const losses = Float32Array.from({ length: batch * priors }, () => random.integer(-4, 12) / 2);
  const labels = Int32Array.from(losses, (_, i) =>
    i < priors * 2 ? [1, 0, 0, 0, 0, 0, -1, 0, 2, 0][random.integer(0, 9)] : 0,
  );
  losses[3] = Number.NaN;
  labels[3] = 0;
  const expected = new Float32Array(losses.length);
  for (let image = 0; image < batch; image++) {
    const own = Array.from({ length: priors }, (_, i) => image * priors + i);
    const faces = own.filter((i) => labels[i] > 0);
    const negatives = own.filter((i) => labels[i] === 0);
    const order = (i: number) => (Number.isNaN(losses[i]) ? Infinity : losses[i]);
    negatives.sort((a, b) => order(b) - order(a) || a - b);
    const kept = Math.min(Math.floor(ratio * faces.length), priors - 1);
    for (const i of [...faces, ...negatives.slice(0, kept)]) expected[i] = 1;
  }
  const kernel = hardNegatives({ batch, priors, ratio });
  const chosen = await runWasm(kernel, { losses, labels, chosen: losses.length });
  assert.equal([...chosen], [...expected]);
});

test("optimizers update in place by PyTorch's formulas", async () => {
  const count = 4103;
  const gradient = numbers(1, count);
  const [parameter, memory] = [numbers(2, count), numbers(3, count)];
  const squares = numbers(4, count, 0, 1);
  const sgd = { count, learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 0.01 };
  const near = { rtol: 1e-5, atol: 1e-6 };
  const updated = await runWasmSteps([sgdUpdate(sgd)], { gradient, parameter, velocity: memory }, [
    "parameter",
    "velocity",
  ]);
  const velocity = Array.from(memory, (v, i) => 0.9 * v + gradient[i] + 0.01 * parameter[i]);
  assertClose(updated.velocity, velocity, near);
  assertClose(
    updated.parameter,
    velocity.map((v, i) => parameter[i] - 0.1 * (gradient[i] + 0.01 * parameter[i] + 0.9 * v)),
    near,
  );
  const rates = { learningRate: 0.01, beta1: 0.9, beta2: 0.99, eps: 1e-6, weightDecay: 0.1 };
  for (const decoupled of [false, true]) {
    const adam = await runWasmSteps(
      [adamUpdate({ count, ...rates, decoupled, step: 3 })],
      { gradient, parameter, first: memory, second: squares },
      ["parameter", "first", "second"],
    );
    const expected = Array.from(parameter, (before, i) => {
      const w = decoupled ? before * (1 - 0.001) : before;
      const g = gradient[i] + (decoupled ? 0 : 0.1 * before);
      const m = (0.9 * memory[i] + 0.1 * g) / (1 - 0.9 ** 3);
      const v = (0.99 * squares[i] + 0.01 * g * g) / (1 - 0.99 ** 3);
      return w - (0.01 * m) / (Math.sqrt(v) + 1e-6);
    });
    assertClose(adam.parameter, expected, near);
  }
});

test("pools tell where the largest were, and gradients go there", async () => {
  const base = { batch: 2, inHeight: 7, inWidth: 5, channels: 19, outHeight: 4, outWidth: 3 };
  const window: Pick<SizedPool, "kernelSize" | "stride" | "dilation" | "padding"> = {
    kernelSize: [3, 3],
    stride: [2, 2],
    dilation: [1, 1],
    padding: [1, 1, 1, 1],
  };
  const input = numbers(1, 2 * 7 * 5 * 19);
  const size = 2 * 4 * 3 * 19;
  const gradient = numbers(2, size);
  const spec = { ...base, ...window, kind: "max" as const };
  const found = await runWasmSteps([maxPoolPositions(spec)], {
    ...{ input, output: size, positions: size },
  });
  const expected = new Float64Array(input.length);
  const averaged = new Float64Array(input.length);
  for (let i = 0; i < size; i++) {
    const [c, x, y] = [i % 19, Math.floor(i / 19) % 3, Math.floor(i / 57) % 4];
    const image = Math.floor(i / 228) * 35;
    const under = [-1, 0, 1].flatMap((dy) => [-1, 0, 1].map((dx) => [y * 2 + dy, x * 2 + dx]));
    const inside = under.filter(
      ([row, column]) => row >= 0 && row < 7 && column >= 0 && column < 5,
    );
    const places = inside.map(([row, column]) => row * 5 + column);
    const at = (place: number) => (image + place) * 19 + c;
    const best = places.reduce((a, b) => (input[at(b)] > input[at(a)] ? b : a));
    assert.is(found.output[i], input[at(best)]);
    assert.is(new Int32Array(found.positions.buffer)[i], best);
    expected[at(best)] += gradient[i];
    for (const place of places) averaged[at(place)] += gradient[i] / places.length;
  }
  const positions = new Int32Array(found.positions.buffer);
  const given = { gradient, positions, output: input.length };
  assertClose(await runWasm(poolGradient(spec), given), expected, { atol: 1e-6 });
  const average = { ...spec, kind: "average" as const };
  const spread = await runWasm(poolGradient(average), { gradient, output: input.length });
  assertClose(spread, averaged, { atol: 1e-6 });
});

test("gradients of resizing add up where a pixel was taken from", async () => {
  const spec = { batch: 2, inHeight: 3, inWidth: 4, outHeight: 7, outWidth: 6, channels: 5 };
  const gradient = numbers(1, 2 * 7 * 6 * 5);
  const expected = new Float64Array(2 * 3 * 4 * 5);
  for (const [i, g] of gradient.entries()) {
    const [c, x, y] = [i % 5, Math.floor(i / 5) % 6, Math.floor(i / 30) % 7];
    const row = Math.floor(i / 210) * 3 + Math.floor((y * 3) / 7);
    expected[(row * 4 + Math.floor((x * 4) / 6)) * 5 + c] += g;
  }
  const given = { gradient, output: expected.length };
  assertClose(await runWasm(resizeNearestGradient(spec), given), expected, { atol: 1e-6 });
});

test.run();
