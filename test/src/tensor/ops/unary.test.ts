import * as ops from "@retinaface-webgpu/tensor";
import { type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { map } from "../../reference/elementwise.js";
import { erf, normalCdf } from "../../reference/normal.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";

const device = useDevice(test);

interface UnaryCase {
  readonly op: (x: Tensor) => Tensor;
  readonly reference: (v: number) => number;
  readonly low?: number;
  readonly high?: number;
  /** Values where the function has a kink, kept at a distance. */
  readonly kinks?: readonly number[];
  /** Absolute error that WGSL allows an adapter, where it is large. */
  readonly error?: number;
}

/** WGSL's bound for sin and cos within ±π; SwiftShader makes use of it. */
const TRIGONOMETRIC_ERROR = 2 ** -11;

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

const cases: Record<string, UnaryCase> = {
  relu: { op: ops.relu, reference: (v) => Math.max(v, 0), kinks: [0] },
  leakyRelu: {
    op: (x) => ops.leakyRelu(x, 0.1),
    reference: (v) => (v > 0 ? v : 0.1 * v),
    kinks: [0],
  },
  sigmoid: { op: ops.sigmoid, reference: sigmoid, low: -9, high: 9 },
  tanh: { op: ops.tanh, reference: Math.tanh },
  exp: { op: ops.exp, reference: Math.exp },
  log: { op: ops.log, reference: Math.log, low: 0.1, high: 9 },
  sqrt: { op: ops.sqrt, reference: Math.sqrt, low: 0.1, high: 9 },
  rsqrt: { op: ops.rsqrt, reference: (v) => 1 / Math.sqrt(v), low: 0.3, high: 9 },
  abs: { op: ops.abs, reference: Math.abs, kinks: [0] },
  sign: { op: ops.sign, reference: Math.sign, kinks: [0] },
  neg: { op: ops.neg, reference: (v) => -v },
  square: { op: ops.square, reference: (v) => v * v },
  reciprocal: { op: ops.reciprocal, reference: (v) => 1 / v, low: 0.4, high: 5 },
  sin: { op: ops.sin, reference: Math.sin, error: TRIGONOMETRIC_ERROR },
  cos: { op: ops.cos, reference: Math.cos, error: TRIGONOMETRIC_ERROR },
  floor: { op: ops.floor, reference: Math.floor, kinks: [-3, -2, -1, 0, 1, 2, 3] },
  ceil: { op: ops.ceil, reference: Math.ceil, kinks: [-3, -2, -1, 0, 1, 2, 3] },
  clamp: {
    op: (x) => ops.clamp(x, -0.5, 1.25),
    reference: (v) => Math.min(Math.max(v, -0.5), 1.25),
    kinks: [-0.5, 1.25],
  },
  elu: {
    op: (x) => ops.elu(x, 0.7),
    reference: (v) => (v > 0 ? v : 0.7 * Math.expm1(v)),
    kinks: [0],
  },
  selu: {
    op: ops.selu,
    reference: (v) => SELU.scale * (v > 0 ? v : SELU.alpha * Math.expm1(v)),
    kinks: [0],
  },
  softplus: { op: ops.softplus, reference: (v) => Math.log1p(Math.exp(v)), low: -9, high: 9 },
  softsign: { op: ops.softsign, reference: (v) => v / (1 + Math.abs(v)) },
  expm1: { op: ops.expm1, reference: Math.expm1 },
  "expm1 near 0": { op: ops.expm1, reference: Math.expm1, low: -0.01, high: 0.01 },
  log1p: { op: ops.log1p, reference: Math.log1p, low: -0.9, high: 9 },
  "log1p near 0": { op: ops.log1p, reference: Math.log1p, low: -0.01, high: 0.01 },
  erf: { op: ops.erf, reference: erf, low: -4, high: 4 },
  gelu: { op: ops.gelu, reference: (v) => v * normalCdf(v), low: -6, high: 6 },
  "gelu by tanh": {
    op: (x) => ops.gelu(x, { approximate: "tanh" }),
    reference: (v) => v * sigmoid(2 * Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)),
    low: -6,
    high: 6,
  },
  addScalar: { op: (x) => ops.add(x, 2.5), reference: (v) => v + 2.5 },
  mulScalar: { op: (x) => ops.mul(x, -1.5), reference: (v) => v * -1.5 },
  "a number minus": { op: (x) => ops.sub(2.5, x), reference: (v) => 2.5 - v },
  "a number over": { op: (x) => ops.div(2.5, x), reference: (v) => 2.5 / v, low: 0.4, high: 5 },
  "a number plus": { op: (x) => ops.add(2.5, x), reference: (v) => 2.5 + v },
  "a number times": { op: (x) => ops.mul(2.5, x), reference: (v) => 2.5 * v },
  "a number to the power": { op: (x) => ops.pow(2.5, x), reference: (v) => 2.5 ** v },
  "divided by a number": { op: (x) => ops.div(x, 3), reference: (v) => v / 3 },
  "at least a number": {
    op: (x) => ops.maximum(0.5, x),
    reference: (v) => Math.max(v, 0.5),
    kinks: [0.5],
  },
  "at most a number": {
    op: (x) => ops.minimum(0.5, x),
    reference: (v) => Math.min(v, 0.5),
    kinks: [0.5],
  },
  "above a number": {
    op: (x) => ops.mul(ops.greater(x, 0.5), x),
    reference: (v) => (v > 0.5 ? v : 0),
    kinks: [0.5],
  },
  "a number above": {
    op: (x) => ops.mul(ops.greaterEqual(0.5, x), x),
    reference: (v) => (v <= 0.5 ? v : 0),
    kinks: [0.5],
  },
  "below a number, chosen": {
    op: (x) => ops.where(ops.less(x, 0.5), x, 7),
    reference: (v) => (v < 0.5 ? v : 7),
    kinks: [0.5],
  },
  "power 3": { op: (x) => ops.pow(x, 3), reference: (v) => v ** 3 },
  "power -2": { op: (x) => ops.pow(x, -2), reference: (v) => v ** -2, low: 0.5, high: 3 },
  "power 11": { op: (x) => ops.pow(x, 11), reference: (v) => v ** 11, low: -1.2, high: 1.2 },
  "power 1.7": { op: (x) => ops.pow(x, 1.7), reference: (v) => v ** 1.7, low: 0.2, high: 4 },
};

const shapes = [[1], [3, 5], [1, 3, 3, 5], [3, 2, 3, 64]];

for (const [name, { op, reference, low = -3, high = 3, kinks = [], error }] of Object.entries(
  cases,
)) {
  test(`${name} and its gradient`, async () => {
    for (const [seed, shape] of shapes.entries()) {
      await checkOp(device(), {
        name: `${name} [${shape}]`,
        inputs: [
          {
            shape,
            values: { low, high },
            adjust: (v) => (kinks.some((k) => Math.abs(v - k) < 0.01) ? v + 0.03 : v),
          },
        ],
        op,
        reference: (x) => map(x, reference),
        tolerance: error === undefined ? undefined : { atol: error },
        gradientTolerance: error === undefined ? undefined : { atol: 4 * error },
        seed,
      });
    }
  });
}

async function values(op: (x: Tensor) => Tensor, input: number[]): Promise<number[]> {
  const x = tensor(device(), input, [input.length]);
  const y = op(x);
  const result = [...(await y.data())];
  x.dispose();
  y.dispose();
  return result;
}

test("saturating functions take extreme inputs", async () => {
  const extreme = [-3e38, -1000, -104, -50, -1e-6, 0, 1e-6, 50, 104, 1000, 3e38];
  const compare = async (op: (x: Tensor) => Tensor, f: (v: number) => number) =>
    assertClose(await values(op, extreme), extreme.map(f), { rtol: 2e-6, atol: 1e-30 });
  await compare(ops.sigmoid, sigmoid);
  await compare(ops.tanh, Math.tanh);
  await compare(ops.elu, (v) => (v > 0 ? v : Math.expm1(v)));
  await compare(ops.softplus, (v) => (v > 700 ? v : Math.log1p(Math.exp(v))));
  await compare(ops.softsign, (v) => v / (1 + Math.abs(v)));
});

test("round goes to the even neighbour at halves", async () => {
  assert.equal(
    await values(ops.round, [-2.5, -1.5, -0.4, 0.5, 1.5, 2.5, 3.7]),
    [-2, -2, -0, 0, 2, 2, 4],
  );
});

test("one-sided clamps leave the other side alone", async () => {
  assert.equal(await values((x) => ops.maximum(x, 0.5), [-1e30, 0.25, 3e38]), [
    0.5,
    0.5,
    Math.fround(3e38),
  ]);
  assert.equal(await values((x) => ops.minimum(x, 0.5), [-1e30, 0.25, 3e38]), [
    Math.fround(-1e30),
    0.25,
    0.5,
  ]);
});

test("integer tensors take the functions that stay integers", async () => {
  const x = tensor(device(), [-7, 0, 2147483647, 5], [4], { dtype: "i32" });
  const results = [ops.abs(x), ops.relu(x), ops.clamp(x, -1, Number.POSITIVE_INFINITY)];
  assert.equal([...(await results[0].data())], [7, 0, 2147483647, 5]);
  assert.equal([...(await results[1].data())], [0, 0, 2147483647, 5]);
  assert.equal([...(await results[2].data())], [-1, 0, 2147483647, 5]);
  assert.throws(() => ops.exp(x), /exp takes f32 or f16, not i32/);
  for (const t of [x, ...results]) t.dispose();
});

test("half precision is stored as such and computed in single", async () => {
  if (!device().has("shader-f16")) return;
  for (const count of [5, 64]) {
    const x = tensor(
      device(),
      new Float32Array(count).map((_, i) => i / 8 - 2),
      [count],
    );
    const y = ops.cast(ops.mul(ops.sigmoid(ops.cast(x, "f16")), 3), "f32");
    const expected = Array.from({ length: count }, (_, i) => 3 * sigmoid(i / 8 - 2));
    assertClose(await y.data(), expected, { rtol: 2e-3 });
    x.dispose();
    y.dispose();
  }
});

test("selu with constants of its own, and its gradient", async () => {
  for (const [alpha, gamma] of [
    [2, 3],
    [0.5, undefined],
    [undefined, 1],
    [1.6732, 1.0507],
  ]) {
    const [a, g] = [alpha ?? 1.6732632423543772, gamma ?? 1.0507009873554805];
    await checkOp(device(), {
      name: `selu with ${alpha} and ${gamma}`,
      inputs: [{ shape: [3, 7], values: { low: -3, high: 3 } }],
      op: (x) => ops.selu(x, { alpha, gamma }),
      reference: (x) => map(x, (v) => (v > 0 ? g * v : g * a * Math.expm1(v))),
    });
  }
});

test("more elements than one dimension of workgroups holds", async () => {
  const count = 65535 * 64 + 3;
  const x = tensor(
    device(),
    new Float32Array(count).map((_, i) => i % 1000),
    [count],
  );
  const y = ops.neg(x);
  const data = await y.data();
  assert.ok(data.every((v, i) => v === -(i % 1000)));
  x.dispose();
  y.dispose();
});

test.run();
