import {
  add,
  batchNorm,
  batchNormLeakyRelu,
  compile,
  conv2d,
  convTranspose2d,
  leakyRelu,
  matmul,
  nn,
  relu,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  conv2d as referenceConv2d,
  convTranspose2d as referenceTranspose,
} from "../../reference/convolution.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { dense, normal, settledNorm } from "../../support/plans.js";
import { Random } from "../../support/random.js";

/* Operations that a plan must take though they are no plain convolution of a constant weight. */

const device = useDevice(test);
const CLOSE = { atol: 1e-5, rtol: 1e-5 };

interface Array64 {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

function random(seed: number, ...shape: number[]): Array64 {
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float64Array.from(new Random(seed).normals(size)) };
}

const upload = ({ shape, data }: Array64) => tensor(device(), data, shape);

/** Runs a plan twice on arrays. */
async function run(forward: (...inputs: Tensor[]) => Tensor, inputs: readonly Array64[]) {
  const infos = inputs.map(({ shape }) => ({ shape, dtype: "f32" as const }));
  const plan = await compile(device(), forward, infos);
  for (const [i, { data }] of inputs.entries()) plan.inputs[i].write(data);
  plan.run();
  plan.run();
  const values = await dense(plan.outputs);
  const { dispatches } = plan.stats;
  plan.dispose();
  return { values, dispatches };
}

for (const [stride, groups, bias] of [
  [1, 1, true],
  [2, 1, true],
  [2, 3, false],
] as const) {
  test(`a transposed convolution, stride ${stride}, ${groups} group(s)`, async () => {
    const [x, weight, b] = [random(1, 2, 3, 4, 6), random(2, 6, 5, 3, 3), random(3, 5 * groups)];
    const [w, shift] = [upload(weight), bias ? upload(b) : undefined];
    const options = { stride, padding: 1, outputPadding: stride - 1, groups };
    const { values } = await run((input) => relu(convTranspose2d(input, w, shift, options)), [x]);
    const expected = referenceTranspose(x, weight, bias ? b : undefined, {
      stride: [stride, stride],
      padding: [1, 1, 1, 1],
      dilation: [1, 1],
      groups,
      outputPadding: [stride - 1, stride - 1],
    });
    assertClose(
      values,
      expected.data.map((v) => Math.max(v, 0)),
      CLOSE,
    );
  });
}

test("a convolution whose weight is an input, one whose bias is, and one whose weight is computed", async () => {
  const [x, weight, bias] = [random(4, 2, 5, 4, 3), random(5, 7, 3, 3, 3), random(6, 7)];
  const spec = { stride: [1, 1], padding: [1, 1, 1, 1], dilation: [1, 1], groups: 1 } as const;
  const [w, b] = [upload(weight), upload(bias)];
  const padding = { padding: 1 };
  const expected = referenceConv2d(x, weight, bias, spec).data;
  const asInput = await run((i, wi) => conv2d(i, wi, b, padding), [x, weight]);
  assertClose(asInput.values, expected, CLOSE);
  const biasInput = await run((i, bi) => leakyRelu(conv2d(i, w, bi, padding), 0.5), [x, bias]);
  assertClose(
    biasInput.values,
    expected.map((v) => (v > 0 ? v : v / 2)),
    CLOSE,
  );
  const computed = await run((i, wi) => conv2d(i, add(wi, wi), b, padding), [x, weight]);
  const twice = { ...weight, data: weight.data.map((v) => 2 * v) };
  assertClose(computed.values, referenceConv2d(x, twice, bias, spec).data, CLOSE);
});

/** Compares with the eager pass. @returns dispatches of the plan */
async function agrees(forward: (x: Tensor) => Tensor, shape: readonly number[]): Promise<number> {
  const x = random(7, ...shape);
  const { values, dispatches } = await run(forward, [x]);
  const eager = tidy(() => forward(upload(x)));
  assertClose(values, await eager.data(), CLOSE);
  eager.dispose();
  return dispatches;
}

test("a batch norm keeps its own activation behind a convolution", async () => {
  const weight = normal(device(), 8, 6, 4, 3, 3);
  const norm = settledNorm(device(), 6, 9);
  const forward = (x: Tensor) => norm.forwardActivated(conv2d(x, weight, undefined), 0.2);
  assert.is(await agrees(forward, [2, 6, 5, 4]), 1);
  const twice = (x: Tensor) => leakyRelu(forward(x), 0.5);
  assert.is(await agrees(twice, [2, 6, 5, 4]), 2);
});

test("a batch norm without a convolution takes the activation behind it", async () => {
  const norm = settledNorm(device(), 4, 10);
  assert.is(await agrees((x) => leakyRelu(norm.forward(x), 0.3), [2, 3, 5, 4]), 1);
  assert.is(await agrees((x) => leakyRelu(norm.forward(x), -0.3), [2, 3, 5, 4]), 2);
  assert.is(await agrees((x) => relu(norm.forwardActivated(x, 0.3)), [2, 3, 5, 4]), 2);
});

test("a fused activation takes NaN and infinities as the eager one does", async () => {
  const values = [-Infinity, Infinity, Number.NaN, -1, 2, -3e38, 0, -0.5];
  const one = tensor(device(), [1], [1, 1, 1, 1]);
  for (const slope of [0, 0.1, 1]) {
    const x = { shape: [1, 2, 4, 1], data: Float64Array.from(values) };
    const activate = (t: Tensor) => (slope === 0 ? relu(t) : leakyRelu(t, slope));
    const { values: fused } = await run((t) => activate(conv2d(t, one, undefined)), [x]);
    const expected = values.map((v) => (v >= 0 ? v : slope === 0 && v < 0 ? 0 : v * slope));
    assertClose(fused, expected, { rtol: 1e-6, what: `slope ${slope}` });
    const eager = activate(upload(x));
    assertClose(await eager.data(), expected, { rtol: 1e-6, what: `eager, slope ${slope}` });
  }
});

test("a norm whose statistics are computed stays as it is", async () => {
  const weight = normal(device(), 11, 4, 4, 1, 1);
  const {
    weight: gamma,
    bias: beta,
    running_mean: mean,
    running_var: variance,
  } = settledNorm(device(), 4, 12);
  const forward = (x: Tensor, shift: Tensor) =>
    batchNorm(conv2d(x, weight, undefined), { mean, variance, gamma, beta: shift });
  const [x, shift] = [random(13, 1, 3, 3, 4), random(14, 4)];
  const { values } = await run(forward, [x, shift]);
  const eager = forward(upload(x), upload(shift));
  assertClose(values, await eager.data(), CLOSE);
  assert.ok(beta);
});

test("batchNormLeakyRelu of a layer and a matmul between", async () => {
  const norm = settledNorm(device(), 4, 15);
  const { weight: gamma, bias: beta, running_mean, running_var, eps } = norm;
  const layer = { gamma, beta, runningMean: running_mean, runningVariance: running_var };
  const square = normal(device(), 16, 4, 4);
  const forward = (x: Tensor) =>
    batchNormLeakyRelu(matmul(x, square), { ...layer, eps, momentum: 0.1, training: false }, 0);
  await agrees(forward, [5, 4]);
});

class Doubling extends nn.ReLU {
  override forward(x: Tensor): Tensor {
    return add(x, x);
  }
}

class Shifting extends nn.BatchNorm2d {
  override forward(x: Tensor): Tensor {
    return add(super.forward(x), 1);
  }
}

test("Sequential runs subclasses of its activations and norms as they are", async () => {
  const init = nn.Init.seeded(device(), 17);
  const norm = settledNorm(device(), 4, 18);
  const shifting = new Shifting(init, 4).eval().requiresGrad(false);
  const x = tensor(device(), new Random(19).normals(2 * 3 * 3 * 4), [2, 3, 3, 4]);
  const same = async (layers: nn.Layer[], one: (x: Tensor) => Tensor) => {
    const actual = new nn.Sequential(...layers).eval().forward(x);
    assertClose(await actual.data(), await one(x).data());
  };
  const doubling = new Doubling();
  await same([norm, doubling], (t) => doubling.forward(norm.forward(t)));
  await same([shifting, new nn.ReLU()], (t) => relu(shifting.forward(t)));
  const patched = new nn.ReLU();
  patched.forward = (t) => add(t, t);
  await same([norm, patched], (t) => patched.forward(norm.forward(t)));
});

test("batches and images of no elements give empty outputs", async () => {
  const [w, t] = [normal(device(), 20, 6, 4, 3, 3), normal(device(), 21, 4, 2, 2, 2)];
  const norm = settledNorm(device(), 6, 22);
  const plan = await compile(
    device(),
    (x) => ({
      conv: relu(norm.forward(conv2d(x, w, undefined, { padding: 1 }))),
      up: convTranspose2d(x, t, undefined, { stride: 2 }),
    }),
    [{ shape: [0, 5, 6, 4], dtype: "f32" }],
  );
  plan.run();
  assert.equal(plan.outputs.conv.shape, [0, 5, 6, 6]);
  assert.is((await plan.outputs.conv.tensor.data()).length, 0);
  assert.equal(plan.outputs.up.shape, [0, 10, 12, 2]);
  assert.is((await plan.outputs.up.tensor.data()).length, 0);
  plan.dispose();
});

test.run();
