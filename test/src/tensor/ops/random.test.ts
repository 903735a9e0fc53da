import * as ops from "@retinaface-webgpu/tensor";
import {
  compile,
  compileStep,
  nn,
  optim,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

/** The hash in JavaScript's integers. */
function pcg(v: number): number {
  const state = (Math.imul(v, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

const uniform = (i: number, seed: number, stream: number) =>
  (pcg((i + pcg((stream + pcg(seed)) >>> 0)) >>> 0) >>> 8) / 2 ** 24;

test("rand gives the numbers of its hash, whatever the adapter", async () => {
  for (const [seed, stream, count] of [
    [0, 0, 5],
    [123, 7, 1001],
    [2 ** 32 - 1, 3, 64],
  ]) {
    const y = ops.rand(device(), [count], { seed, stream });
    const expected = Array.from({ length: count }, (_, i) => uniform(i, seed, stream));
    assert.equal([...(await y.data())], expected);
    y.dispose();
  }
});

test("randn is normally distributed, and follows from the same numbers", async () => {
  const count = 40001;
  const y = ops.randn(device(), [count], { seed: 4 });
  const values = [...(await y.data())];
  const expected = [0, 1, 2, 40000].map((i) => {
    const [u, v] = [uniform(2 * i, 4, 0), uniform(2 * i + 1, 4, 0)];
    return Math.sqrt(-2 * Math.log(1 - u)) * Math.cos(2 * Math.PI * v);
  });
  // WGSL allows a cosine an error of 2^-11.
  assertClose(
    [0, 1, 2, 40000].map((i) => values[i]),
    expected,
    { atol: 3e-3 },
  );
  const moment = (k: number) => values.reduce((s, v) => s + v ** k, 0) / count;
  assertClose([moment(1), moment(2), moment(3), moment(4)], [0, 1, 0, 3], { atol: 0.12 });
  let product = 0;
  for (let i = 1; i < count; i++) product += values[i] * values[i - 1];
  assertClose([product / count], [0], { atol: 0.02, what: "neighbours are independent" });
  y.dispose();
});

test("wrong options of random tensors are typed errors", () => {
  throwsCode(() => ops.rand(device(), [2], {} as { seed: number }), "ARGUMENT", /seed/);
  throwsCode(() => ops.randn(device(), [2], { seed: 1.5 }), "ARGUMENT", /integers/);
});

test("dropout keeps the share it should, scaled, another at every call, and its gradient is the mask", async () => {
  const layer = new nn.Dropout(0.25, { seed: 9 });
  const x = tensor(device(), new Float32Array(20000).fill(2), [20000], { requiresGrad: true });
  const masks: number[][] = [];
  for (let call = 0; call < 2; call++) {
    const y = tidy(() => {
      const dropped = layer.forward(x);
      ops.sum(dropped).backward();
      return dropped.detach();
    });
    const values = [...(await y.data())];
    const kept = values.filter((v) => v !== 0);
    assert.ok(kept.every((v) => Math.abs(v - 2 / 0.75) < 1e-6));
    assert.ok(Math.abs(kept.length / 20000 - 0.75) < 0.02, `${kept.length}`);
    assertClose(
      await x.grad!.data(),
      values.map((v) => v / 2),
      { atol: 1e-6, what: "gradient" },
    );
    masks.push(values);
    x.grad?.dispose();
    x.grad = undefined;
    y.dispose();
  }
  const both = masks[0].filter((v, i) => v !== 0 && masks[1][i] !== 0).length;
  assert.ok(Math.abs(both / 20000 - 0.75 ** 2) < 0.02, "the two masks are independent");
  assert.is(layer.calls, 2);
  const again = new nn.Dropout(0.25, { seed: 9 });
  const y = tidy(() => again.forward(x));
  assert.equal([...(await y.data())], masks[0], "the same seed and call give the same mask");
  assert.is(layer.eval().forward(x), x);
  assert.is(new nn.Dropout(0).forward(x), x);
  const none = tidy(() => new nn.Dropout(1).forward(x));
  assert.ok([...(await none.data())].every((v) => v === 0));
  throwsCode(() => new nn.Dropout(1.5), "ARGUMENT", /0 to 1/);
  for (const t of [x, y, none]) t.dispose();
});

test("eager dropout leaves no memory behind but its result", () => {
  const layer = new nn.Dropout(0.5);
  const x = tensor(device(), new Float32Array(64), [64], { requiresGrad: true });
  const start = device().memory().liveBuffers;
  const y = layer.forward(x);
  y.dispose();
  assert.is(device().memory().liveBuffers, start);
  x.dispose();
});

test("a compiled step drops other elements at every run, as eager training does", async () => {
  const make = () => {
    const init = nn.Init.seeded(device(), 2);
    const linear = new nn.Linear(init, 4, 4);
    const [a, b] = [new nn.Dropout(0.5, { seed: 1 }), new nn.Dropout(0.5, { seed: 2 })];
    const forward = (x: Tensor) => a.forward(linear.forward(b.forward(a.forward(x))));
    return { linear, forward, optimizer: new optim.SGD(linear.parameters(), { lr: 0.05 }) };
  };
  const [eager, compiled] = [make(), make()];
  const values = Array.from({ length: 32 }, (_, i) => Math.sin(i));
  const x = tensor(device(), values, [8, 4]);
  const step = await compileStep(device(), {
    inputs: { x: { shape: [8, 4], dtype: "f32" } },
    losses: (inputs) => ({ total: ops.mean(ops.square(compiled.forward(inputs.x))) }),
    optimizer: compiled.optimizer,
  });
  step.inputs.x.write(values);
  const losses: number[] = [];
  for (let k = 0; k < 6; k++) {
    const loss = tidy(() => ops.mean(ops.square(eager.forward(x))));
    loss.backward();
    eager.optimizer.step();
    eager.optimizer.zeroGrad();
    step.run();
    const { total } = await step.read();
    assertClose([total], [await loss.item()], { rtol: 1e-5, what: `step ${k}` });
    losses.push(total);
    loss.dispose();
  }
  assert.is(new Set(losses).size, 6);
  step.dispose();
  x.dispose();
  for (const { linear, optimizer } of [eager, compiled]) {
    optimizer.dispose();
    linear.dispose();
  }
});

test("a compiled plan drops other elements at every run, and none after eval()", async () => {
  const layer = new nn.Dropout(0.5, { seed: 3 });
  const eager = new nn.Dropout(0.5, { seed: 3 });
  const values = Array.from({ length: 50 }, (_, i) => i + 1);
  const x = tensor(device(), values, [50]);
  const plan = await compile(device(), (t) => layer.forward(t), [x]);
  plan.inputs[0].write(values);
  assert.is(layer.calls, 0, "compiling is no call");
  const runs: string[] = [];
  for (let run = 0; run < 3; run++) {
    plan.run();
    const y = tidy(() => eager.forward(x));
    const dropped = [...(await plan.outputs.tensor.data())];
    assert.equal(dropped, [...(await y.data())], `run ${run} is eager call ${run}`);
    runs.push(`${dropped}`);
    y.dispose();
  }
  assert.is(new Set(runs).size, 3);
  plan.dispose();
  layer.eval();
  const whole = await compile(device(), (t) => ops.relu(layer.forward(t)), [x]);
  whole.inputs[0].write(values);
  whole.run();
  assert.equal([...(await whole.outputs.tensor.data())], values);
  whole.dispose();
  x.dispose();
});

test.run();
