import {
  add,
  batchNorm,
  compile,
  compileStep,
  conv2d,
  convTranspose2d,
  gather,
  matmul,
  mul,
  nn,
  optim,
  prelu,
  relu,
  sum,
  type Tensor,
  tensor,
  tidy,
  WeightStore,
  where,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { dense, normal } from "../../support/plans.js";
import { Random } from "../../support/random.js";
import { rejectsCode, throwsCode } from "../../support/throws.js";

/* A plan is frozen, and `update()` takes over: whatever the weights are of. */

const device = useDevice(test);
const CLOSE = { atol: 1e-5, rtol: 1e-5 };

/** A pass that reads weights of every kind, and these weights by name. */
function everyKind() {
  const w = {
    conv: normal(device(), 1, 6, 4, 3, 3),
    bias: normal(device(), 2, 6),
    mean: normal(device(), 3, 6),
    variance: tensor(device(), new Random(4).uniforms(6, 0.3, 2), [6]),
    gamma: normal(device(), 5, 6),
    beta: normal(device(), 6, 6),
    depthwise: normal(device(), 7, 6, 1, 3, 3),
    up: normal(device(), 8, 6, 4, 2, 2),
    upBias: normal(device(), 9, 4),
    slope: normal(device(), 10, 4),
    linear: normal(device(), 11, 5, 4),
    scale: normal(device(), 12, 5),
    table: normal(device(), 13, 3, 5),
    fallback: normal(device(), 14, 5),
    loose: normal(device(), 15, 4),
  };
  const index = tensor(device(), [2], [1], { dtype: "i32" });
  const flags = tensor(device(), [1, 0, 1, 1, 0], [5]);
  const forward = (x: Tensor): Tensor => {
    const { mean, variance, gamma, beta } = w;
    const norm = { mean, variance, gamma, beta };
    let y = batchNorm(conv2d(x, w.conv, w.bias, { padding: 1 }), norm);
    y = conv2d(relu(y), w.depthwise, undefined, { padding: 1, groups: 6 });
    y = prelu(convTranspose2d(y, w.up, w.upBias, { stride: 2 }), w.slope);
    const own = { mean: w.loose, variance: mul(w.loose, w.loose), gamma: w.loose, beta: w.loose };
    y = matmul(batchNorm(y, own), w.linear, { transposeB: true });
    y = add(mul(y, w.scale), gather(w.table, index));
    return where(flags, y, w.fallback);
  };
  return { w, forward };
}

const SHAPE = [2, 3, 4, 4];

async function eagerly(forward: (x: Tensor) => Tensor, x: Float32Array) {
  const y = tidy(() => forward(tensor(device(), x, SHAPE)));
  const values = await y.data();
  y.dispose();
  return values;
}

test("no weight is followed, and all are after update()", async () => {
  const { w, forward } = everyKind();
  const x = new Random(20).normals(2 * 3 * 4 * 4);
  const plan = await compile(device(), forward, [{ shape: SHAPE, dtype: "f32" }]);
  const run = async () => {
    plan.inputs[0].write(x);
    plan.run();
    return dense(plan.outputs);
  };
  let before = await run();
  assertClose(before, await eagerly(forward, x), CLOSE);
  for (const [i, [name, weight]] of Object.entries(w).entries()) {
    const random = new Random(50 + i);
    weight.write(name === "variance" ? random.uniforms(6, 0.3, 2) : random.normals(weight.size));
    assert.equal(await run(), before, `${name} is frozen`);
    await plan.update();
    const after = await run();
    assertClose(after, await eagerly(forward, x), { ...CLOSE, what: name });
    assert.not.equal(after, before, `${name} matters`);
    before = after;
  }
  plan.dispose();
});

test("a plan outlives its weights, and update() then says so", async () => {
  const { w, forward } = everyKind();
  const x = new Random(21).normals(2 * 3 * 4 * 4);
  const expected = await eagerly(forward, x);
  const plan = await compile(device(), forward, [{ shape: SHAPE, dtype: "f32" }]);
  for (const weight of Object.values(w)) weight.dispose();
  // What would take the freed memory.
  const others = Object.values(w).map(({ shape }) => normal(device(), 22, ...shape));
  plan.run([tensor(device(), x, SHAPE)]);
  assertClose(await dense(plan.outputs), expected, CLOSE);
  await rejectsCode(plan.update(), "DISPOSED");
  plan.run();
  assertClose(await dense(plan.outputs), expected, CLOSE);
  plan.dispose();
  for (const other of others) other.dispose();
});

test("plans that share a store are frozen each by itself; what is the same is shared", async () => {
  const { w, forward } = everyKind();
  const weights = new WeightStore(device());
  const x = new Random(23).normals(2 * 3 * 4 * 4);
  const info = [{ shape: SHAPE, dtype: "f32" as const }];
  const first = await compile(device(), forward, info, { weights });
  const { bytes } = weights;
  const run = async (plan: typeof first) => {
    plan.run([tensor(device(), x, SHAPE)]);
    return dense(plan.outputs);
  };
  const old = await run(first);
  const same = await compile(device(), forward, info, { weights });
  assert.is(weights.bytes, bytes, "packed once");
  w.conv.write(new Random(24).normals(w.conv.size));
  w.scale.write(new Random(25).normals(w.scale.size));
  const second = await compile(device(), forward, info, { weights });
  assert.is(weights.bytes, bytes, "the latest alone is kept");
  const changed = await eagerly(forward, x);
  assertClose(await run(second), changed, CLOSE);
  assert.equal(await run(first), old);
  await first.update();
  assertClose(await run(first), changed, CLOSE);
  assert.equal(await run(same), old);
  weights.dispose();
  assertClose(await run(second), changed, CLOSE);
  assert.equal(await run(same), old, "plans keep what they bind");
  await rejectsCode(first.update(), "DISPOSED", /WeightStore/);
  for (const plan of [first, same, second]) plan.dispose();
});

test("an optimizer's step, and a state dict that is loaded, are taken over", async () => {
  const init = nn.Init.seeded(device(), 26);
  const net = new nn.Sequential(
    new nn.Conv2d(init, 4, 3, { kernelSize: 1 }),
    new nn.BatchNorm2d(init, 3),
    new nn.Flatten(),
    new nn.Linear(init, 36, 2),
  );
  const x = new Random(27).normals(2 * 3 * 4 * 4);
  const forward = (t: Tensor) => net.forward(t);
  const state = await net.stateDict();
  const plan = await compile(device(), (t) => net.eval().forward(t), [
    { shape: SHAPE, dtype: "f32" },
  ]);
  const run = async () => {
    plan.run([tensor(device(), x, SHAPE)]);
    return dense(plan.outputs);
  };
  const start = await run();
  const sgd = new optim.SGD(net.parameters(), { lr: 0.1 });
  net.train();
  tidy(() => sum(forward(tensor(device(), x, SHAPE))).backward());
  sgd.step();
  net.eval();
  assert.equal(await run(), start);
  await plan.update();
  assertClose(await run(), await eagerly(forward, x), CLOSE);
  net.loadStateDict(state);
  await plan.update();
  assertClose(await run(), start, CLOSE);
  plan.dispose();
});

test("what compiled training steps change is taken over, and not before", async () => {
  const net = new nn.Conv2d(nn.Init.seeded(device(), 45), 4, 3, { kernelSize: 3, padding: 1 });
  const forward = (t: Tensor) => net.forward(t);
  const x = new Random(46).normals(2 * 3 * 4 * 4);
  const info = { shape: SHAPE, dtype: "f32" as const };
  const plan = await compile(device(), forward, [info]);
  const run = async () => {
    plan.run([tensor(device(), x, SHAPE)]);
    return dense(plan.outputs);
  };
  const start = await run();
  const optimizer = new optim.SGD(net.parameters(), { lr: 0.01 });
  const step = await compileStep(device(), {
    inputs: { x: info },
    losses: (inputs) => ({ total: sum(forward(inputs.x)) }),
    optimizer,
  });
  step.inputs.x.write(x);
  for (let i = 0; i < 2; i++) {
    step.run();
    assert.equal(await run(), start);
  }
  await plan.update();
  const after = await run();
  assertClose(after, await eagerly(forward, x), CLOSE);
  assert.not.equal(after, start);
  step.run();
  await plan.update();
  assertClose(await run(), await eagerly(forward, x), CLOSE);
  step.dispose();
  plan.dispose();
});

test("running statistics of training mode stay the module's own", async () => {
  const norm = new nn.BatchNorm2d(nn.Init.seeded(device(), 28), 4);
  const plan = await compile(device(), (x) => norm.forward(x), [{ shape: SHAPE, dtype: "f32" }]);
  const reference = new nn.BatchNorm2d(nn.Init.seeded(device(), 28), 4);
  const x = normal(device(), 29, ...SHAPE);
  for (let i = 0; i < 2; i++) {
    plan.run([x]);
    const y = tidy(() => reference.forward(x));
    assertClose(await dense(plan.outputs), await y.data(), CLOSE);
  }
  assertClose(await norm.running_var.data(), await reference.running_var.data(), CLOSE);
  assert.is(norm.numBatchesTracked, 2, "runs count, compiling does not");
  norm.dispose();
  const other = tensor(device(), [7, 7, 7, 7], [4]);
  plan.run();
  assert.equal([...(await other.data())], [7, 7, 7, 7], "the plan holds the statistics");
  plan.dispose();
});

test("constants that forward makes for itself, also in a scope, live as long as the plan", async () => {
  const weight = normal(device(), 31, 2, 4, 1, 1);
  const start = device().memory().liveBuffers;
  const forward = (x: Tensor) =>
    tidy(() => {
      const blur = tensor(device(), new Float32Array(36).fill(1 / 9), [4, 1, 3, 3]);
      const shift = tensor(device(), [1, -1], [2]);
      return add(
        conv2d(conv2d(x, blur, undefined, { groups: 4 }), mul(weight, 2), undefined),
        shift,
      );
    });
  const plan = await compile(device(), forward, [{ shape: SHAPE, dtype: "f32" }]);
  const x = new Random(32).normals(2 * 3 * 4 * 4);
  for (let i = 0; i < 2; i++) {
    plan.run([tensor(device(), x, SHAPE)]);
    assertClose(await dense(plan.outputs), await eagerly(forward, x), CLOSE);
    weight.write(new Random(33).normals(weight.size));
    await plan.update();
  }
  plan.dispose();
  assert.ok(device().memory().liveBuffers <= start + 2, "all given back but the two inputs");
});

test("what depends on weights alone runs at update() only", async () => {
  const weight = normal(device(), 34, 4, 3, 2, 2);
  const forward = (x: Tensor) => relu(convTranspose2d(x, weight, undefined, { stride: 2 }));
  const plan = await compile(device(), forward, [{ shape: SHAPE, dtype: "f32" }]);
  assert.is(plan.stats.dispatches, 2, "packing is not among them");
  plan.dispose();
});

test("a disposed plan refuses to run, and its outputs say that they are gone", async () => {
  const weight = normal(device(), 35, 4, 4, 1, 1);
  const plan = await compile(device(), (x) => conv2d(x, weight, undefined), [
    { shape: SHAPE, dtype: "f32" },
  ]);
  plan.run();
  plan.dispose();
  plan.dispose();
  const bystander = tensor(device(), new Float32Array(2 * 3 * 4 * 4).fill(5), SHAPE);
  throwsCode(() => plan.run(), "DISPOSED", /compile again/);
  await rejectsCode(plan.update(), "DISPOSED", /compile again/);
  throwsCode(() => plan.inputs[0].write([]), "SHAPE");
  await rejectsCode(plan.outputs.tensor.data(), "DISPOSED");
  assert.ok((await bystander.data()).every((v: number) => v === 5));
});

test("a plan disposed while it is updated gives everything back", async () => {
  const weight = normal(device(), 36, 4, 4, 1, 1);
  const start = device().memory().liveBuffers;
  const plan = await compile(device(), (x) => conv2d(x, weight, undefined), [
    { shape: SHAPE, dtype: "f32" },
  ]);
  weight.write(new Random(37).normals(16));
  const updating = plan.update();
  plan.dispose();
  await rejectsCode(updating, "DISPOSED");
  assert.ok(device().memory().liveBuffers <= start);
});

test("of updates that overlap the last one counts", async () => {
  const weight = normal(device(), 38, 4, 4, 1, 1);
  const forward = (x: Tensor) => conv2d(x, weight, undefined);
  const plan = await compile(device(), forward, [{ shape: SHAPE, dtype: "f32" }]);
  const updates = [39, 40, 41].map((seed) => {
    weight.write(new Random(seed).normals(16));
    return plan.update();
  });
  await Promise.all(updates);
  const x = new Random(42).normals(2 * 3 * 4 * 4);
  plan.run([tensor(device(), x, SHAPE)]);
  assertClose(await dense(plan.outputs), await eagerly(forward, x), CLOSE);
  plan.dispose();
});

test("values for a plan's inputs must be like them", async () => {
  const plan = await compile(device(), (x) => relu(x), [{ shape: SHAPE, dtype: "f32" }]);
  const x = normal(device(), 43, ...SHAPE);
  throwsCode(() => plan.run([normal(device(), 44, 2, 3, 4)]), "SHAPE", /input 0, which takes f32/);
  throwsCode(() => plan.run([x, x]), "SHAPE", /input 1, which takes nothing/);
  plan.run([plan.inputs[0]]);
  plan.run([x]);
  assertClose(
    await dense(plan.outputs),
    (await x.data()).map((v: number) => Math.max(v, 0)),
  );
  plan.dispose();
});

test.run();
