import {
  add,
  compile,
  concat,
  mulScalar,
  nn,
  Random,
  relu,
  reshape,
  resizeNearest,
  softmax,
  type Tensor,
  tensor,
  tidy,
  WeightStore,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { dense, unsettle } from "../../support/plans.js";

const device = useDevice(test);

function block(init: nn.Init, cin: number, cout: number, stride = 1, slope = 0.1): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(init, cin, cout, { kernelSize: 3, stride, padding: 1, bias: false }),
    new nn.BatchNorm2d(init, cout),
    new nn.LeakyReLU(slope),
  );
}

function image(shape: readonly number[], seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
}

/** Runs `forward` eagerly and as a plan (twice) and compares every output. */
async function compare(
  modules: readonly nn.Module[],
  forward: (x: Tensor) => readonly Tensor[],
  shape: readonly number[],
) {
  for (const [i, module] of modules.entries()) {
    unsettle(module, i + 1);
    module.eval().requiresGrad(false);
  }
  const start = device().memory().liveBuffers;
  const values = image(shape, 9);
  const plan = await compile(device(), forward, [{ shape, dtype: "f32" }]);
  plan.inputs[0].write(values);
  plan.run();
  plan.run();
  const eager = tidy(() => [...forward(tensor(device(), values, shape))]);
  for (const [i, expected] of eager.entries()) {
    assert.equal(plan.outputs[i].shape, expected.shape);
    const actual = await dense(plan.outputs[i]);
    assertClose(actual, (await expected.data()) as Float32Array, { atol: 2e-5, rtol: 2e-5 });
    expected.dispose();
  }
  const { stats } = plan;
  plan.dispose();
  // Fewer when the collector has meanwhile freed an earlier test's modules.
  assert.ok(device().memory().liveBuffers <= start, "the plan gave its buffers back");
  return stats;
}

test("batch norm and activation are folded into the convolution", async () => {
  const init = nn.Init.seeded(device(), 1);
  const [a, b] = [block(init, 3, 8, 2), block(init, 8, 5, 1, 0)];
  const stats = await compare([a, b], (x) => [b.forward(a.forward(x))], [2, 11, 9, 3]);
  assert.is(stats.dispatches, 2);
});

test("an upsampled sum rides on the lateral convolution, a bottleneck's sum before its ReLU", async () => {
  const init = nn.Init.seeded(device(), 2);
  const lateral = block(init, 3, 8);
  const coarse = block(init, 3, 8, 2);
  const tail = new nn.Conv2d(init, 8, 8, { kernelSize: 1 });
  const forward = (x: Tensor) => {
    const fine = lateral.forward(x);
    const up = resizeNearest(coarse.forward(x), { size: [x.shape[1], x.shape[2]] });
    const sum = add(fine, up);
    return [relu(add(tail.forward(sum), sum))];
  };
  const stats = await compare([lateral, coarse, tail], forward, [1, 7, 10, 3]);
  assert.is(stats.dispatches, 3);
});

test("a concatenation is written in place, with the ReLU behind it moved before", async () => {
  const init = nn.Init.seeded(device(), 3);
  const convs = [4, 8, 4].map((n) => new nn.Conv2d(init, 4, n, { kernelSize: 3, padding: 1 }));
  const last = new nn.Conv2d(init, 16, 4, { kernelSize: 1 });
  const forward = (x: Tensor) => [
    last.forward(
      relu(
        concat(
          convs.map((conv) => conv.forward(x)),
          -1,
        ),
      ),
    ),
  ];
  const stats = await compare([...convs, last], forward, [2, 6, 5, 4]);
  assert.is(stats.dispatches, 4);
});

test("1×1 heads of one input become one convolution, their outputs runs of its channels", async () => {
  const init = nn.Init.seeded(device(), 4);
  const trunk = block(init, 3, 8);
  const heads = [4, 8, 20].map((n) => new nn.Conv2d(init, 8, n, { kernelSize: 1 }));
  const forward = (x: Tensor) => {
    const features = trunk.forward(x);
    return heads.map((head) => head.forward(features));
  };
  const stats = await compare([trunk, ...heads], forward, [2, 5, 6, 3]);
  assert.is(stats.dispatches, 2);
});

test("other operations run as they are, a value used twice stays whole", async () => {
  const init = nn.Init.seeded(device(), 5);
  const conv = new nn.Conv2d(init, 3, 6, { kernelSize: 3, padding: 1 });
  const forward = (x: Tensor) => {
    const y = conv.forward(x);
    const twice = add(relu(y), mulScalar(y, 2));
    return [softmax(reshape(twice, [x.shape[0], -1, 2])), y];
  };
  await compare([conv], forward, [2, 4, 7, 3]);
});

test("buffers are shared by lifetime: a long chain needs few", async () => {
  const init = nn.Init.seeded(device(), 6);
  const chain = Array.from({ length: 12 }, () => block(init, 8, 8));
  const forward = (x: Tensor) => [chain.reduce((y, layer) => layer.forward(y), x)];
  const stats = await compare(chain, forward, [1, 16, 16, 8]);
  assert.ok(stats.arenaBytes <= stats.activationBytes / 3, JSON.stringify(stats));
});

test("plans of several sizes share packed weights", async () => {
  const init = nn.Init.seeded(device(), 7);
  const net = block(init, 3, 8).eval().requiresGrad(false) as nn.Sequential;
  const weights = new WeightStore(device());
  const plan = (size: number) =>
    compile(device(), (x) => [net.forward(x)], [{ shape: [1, size, size, 3], dtype: "f32" }], {
      weights,
    });
  const first = await plan(8);
  const bytes = weights.bytes;
  const second = await plan(24);
  assert.is(weights.bytes, bytes);
  for (const p of [first, second]) p.dispose();
  weights.dispose();
});

test("reading data while tracing is an error that says so", async () => {
  let error: Error | undefined;
  await compile(
    device(),
    (x) => {
      void x.storage;
      return [x];
    },
    [{ shape: [1], dtype: "f32" }],
  ).catch((e: Error) => {
    error = e;
  });
  assert.match(error?.message ?? "", /must not read data/);
});

test.run();
