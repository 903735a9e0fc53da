import {
  batchNorm,
  compile,
  conv2d,
  nn,
  type Tensor,
  tensor,
  tidy,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { dense, normal, settledNorm } from "../../support/plans.js";
import { Random } from "../../support/random.js";

/* One weight in several places of a plan: with other biases, other norms, other constants. */

const device = useDevice(test);
const SHAPE = [2, 5, 6, 4];
const CLOSE = { atol: 1e-5, rtol: 1e-5 };

/** Runs the pass eagerly and as a plan and compares all outputs. @returns bytes of packed weights */
async function agrees(forward: (x: Tensor) => Record<string, Tensor>): Promise<number> {
  const weights = new WeightStore(device());
  const plan = await compile(device(), forward, [{ shape: SHAPE, dtype: "f32" }], { weights });
  const values = new Random(3).normals(2 * 5 * 6 * 4);
  plan.inputs[0].write(values);
  plan.run();
  const eager = tidy(() => forward(tensor(device(), values, SHAPE)));
  for (const [name, expected] of Object.entries(eager)) {
    assertClose(await dense(plan.outputs[name]), await expected.data(), { ...CLOSE, what: name });
    expected.dispose();
  }
  const { bytes } = weights;
  plan.dispose();
  weights.dispose();
  return bytes;
}

test("a weight with two biases, and with none, gives each its own", async () => {
  const weight = normal(device(), 1, 8, 4, 3, 3);
  const [b1, b2] = [2, 3].map((seed) => normal(device(), seed, 8));
  await agrees((x) => ({
    first: conv2d(x, weight, b1, { padding: 1 }),
    second: conv2d(x, weight, b2, { padding: 1 }),
    bare: conv2d(x, weight, undefined, { padding: 1 }),
  }));
});

test("a weight with two batch norms gives each its own", async () => {
  const conv = new nn.Conv2d(nn.Init.seeded(device(), 4), 4, 8, { kernelSize: 3, padding: 1 });
  const norms = [5, 6].map((seed) => settledNorm(device(), 8, seed));
  await agrees((x) => ({
    first: norms[0].forward(conv.forward(x)),
    second: norms[1].forward(conv.forward(x)),
    bare: conv.forward(x),
  }));
});

test("two norms that differ only in eps, or only in one statistic, are two", async () => {
  const weight = normal(device(), 7, 8, 4, 1, 1);
  const norm = settledNorm(device(), 8, 8);
  const { weight: gamma, bias: beta, running_mean: mean, running_var: variance } = norm;
  const other = normal(device(), 9, 8);
  const pass = (x: Tensor, eps: number, m = mean, b: Tensor = beta) =>
    batchNorm(conv2d(x, weight, undefined), { mean: m, variance, gamma, beta: b }, eps);
  await agrees((x) => ({
    plain: pass(x, 1e-5),
    eps: pass(x, 0.5),
    mean: pass(x, 1e-5, other),
    beta: pass(x, 1e-5, mean, other),
  }));
});

test("a head shared over levels is packed once", async () => {
  const head = new nn.Conv2d(nn.Init.seeded(device(), 10), 4, 8, { kernelSize: 3, padding: 1 });
  const stem = normal(device(), 11, 4, 4, 3, 3);
  const levels = (n: number) => (x: Tensor) => {
    const maps = [x];
    while (maps.length < n) {
      maps.push(conv2d(maps.at(-1)!, stem, undefined, { stride: 2, padding: 1 }));
    }
    return Object.fromEntries(maps.map((map, i) => [`p${i}`, head.forward(map)]));
  };
  const two = await agrees(levels(2));
  assert.is(await agrees(levels(3)), two);
});

test.run();
