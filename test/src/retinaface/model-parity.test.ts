/**
 * A whole network against float64: losses, gradients, weights and running statistics over ten steps of
 * SGD; and that training leaves no buffer behind.
 */
import {
  mean,
  nn,
  optim,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  tidy,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { sgdStep } from "../reference/optim.js";
import * as ref from "../reference/tape.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { Random } from "../support/random.js";
import { rounds } from "../support/rounds.js";

const device = useDevice(test);

/** conv 3×3 stride 2, bn, relu, depthwise 3×3, bn, leaky relu, upsample ×2, conv 1×1 with bias. */
class Small extends nn.Module {
  readonly conv1: nn.Conv2d;
  readonly bn1: nn.BatchNorm2d;
  readonly conv2: nn.Conv2d;
  readonly bn2: nn.BatchNorm2d;
  readonly head: nn.Conv2d;
  readonly up = new nn.Upsample({ scale: 2 });
  readonly relu = new nn.ReLU();
  readonly leaky = new nn.LeakyReLU(0.1);

  constructor(init: nn.Init) {
    super();
    this.conv1 = new nn.Conv2d(init, 3, 8, { kernelSize: 3, stride: 2, padding: 1, bias: false });
    this.bn1 = new nn.BatchNorm2d(init, 8);
    this.conv2 = new nn.Conv2d(init, 8, 8, { kernelSize: 3, padding: 1, groups: 8, bias: false });
    this.bn2 = new nn.BatchNorm2d(init, 8);
    this.head = new nn.Conv2d(init, 8, 5, { kernelSize: 1 });
  }

  override forward(x: Tensor): Tensor {
    const a = this.relu.forward(this.bn1.forward(this.conv1.forward(x)));
    const b = this.leaky.forward(this.bn2.forward(this.conv2.forward(a)));
    return this.head.forward(this.up.forward(b));
  }
}

type Weights = Map<string, { shape: number[]; data: Float64Array }>;

/** The same network and its loss in float64; leaves hold the gradients afterwards. */
function reference(weights: Weights, x: ref.Var, target: Float64Array) {
  const leaves = new Map<string, ref.Var>();
  const get = (name: string) => {
    const { shape, data } = weights.get(name)!;
    const made = leaves.get(name) ?? ref.leaf(shape, data);
    leaves.set(name, made);
    return made;
  };
  const norm = (y: ref.Var, name: string) =>
    ref.batchNorm(
      y,
      get(`${name}.weight`),
      get(`${name}.bias`),
      {
        mean: weights.get(`${name}.running_mean`)!.data,
        variance: weights.get(`${name}.running_var`)!.data,
      },
      true,
    );
  const c1 = ref.conv2d(x, get("conv1.weight"), undefined, { stride: 2, padding: 1 });
  const a = ref.leakyRelu(norm(c1, "bn1"), 0);
  const c2 = ref.conv2d(a, get("conv2.weight"), undefined, { padding: 1, groups: 8 });
  const b = ref.leakyRelu(norm(c2, "bn2"), 0.1);
  const up = ref.upsample(b, b.shape[1] * 2, b.shape[2] * 2);
  const y = ref.conv2d(up, get("head.weight"), get("head.bias"));
  const each = new Float64Array(y.data.length).fill(1 / y.data.length);
  const loss = ref.weightedSum(
    y,
    each,
    (v, i) => (v - target[i]) ** 2,
    (v, i) => 2 * (v - target[i]),
  );
  ref.backward(loss);
  return { loss: loss.data[0], leaves };
}

test("ten SGD steps of a small network match float64", async () => {
  const random = new Random(11);
  const net = new Small(nn.Init.seeded(device(), 3));
  const weights: Weights = new Map();
  for (const [name, { shape, data }] of await net.stateDict()) {
    weights.set(name, { shape, data: Float64Array.from(data as Float32Array, Number) });
  }
  const options = { lr: 0.05, momentum: 0.9, weightDecay: 5e-4 };
  const optimizer = new optim.SGD(net.parameters(), options);
  const velocities = new Map<string, Float64Array>();
  for (let step = 0; step < 10; step++) {
    const image = random.normals(2 * 10 * 14 * 3);
    const goal = random.normals(2 * 10 * 14 * 5);
    const x = tensor(device(), image, [2, 10, 14, 3]);
    const target = tensor(device(), goal, [2, 10, 14, 5]);
    const loss = tidy(() => {
      const value = mean(square(sub(net.forward(x), target)));
      value.backward();
      return value.detach();
    });
    const expected = reference(weights, ref.leaf([2, 10, 14, 3], image), Float64Array.from(goal));
    assertClose([await loss.item()], [expected.loss], { rtol: 1e-5, what: `loss ${step}` });
    for (const [name, parameter] of net.namedParameters()) {
      const gradient = expected.leaves.get(name)!.grad;
      const what = `gradient of ${name} at step ${step}`;
      assertClose(await parameter.grad!.data(), gradient, { atol: 2e-5, rtol: 1e-3, what });
      const velocity = sgdStep(weights.get(name)!.data, gradient, velocities.get(name), options);
      velocities.set(name, velocity);
    }
    optimizer.step();
    optimizer.zeroGrad();
    for (const t of [x, target, loss]) t.dispose();
  }
  for (const [name, { data }] of await net.stateDict()) {
    if (name.endsWith("num_batches_tracked")) assert.is(Number(data[0]), 10);
    else {
      const what = `${name} after ten steps`;
      assertClose(data as Float32Array, weights.get(name)!.data, { atol: 1e-5, rtol: 1e-4, what });
    }
  }
  optimizer.dispose();
  net.dispose();
});

const STEPS = rounds(1000);

test(`live buffers return to the start after ${STEPS} training steps`, async () => {
  const memory = () => device().memory();
  const start = memory().liveBuffers;
  const init = nn.Init.seeded(device(), 1);
  const net = new nn.Sequential(
    new nn.Conv2d(init, 1, 2, { kernelSize: 3 }),
    new nn.BatchNorm2d(init, 2),
    new nn.PReLU(init, 2),
    new nn.MaxPool2d({ kernelSize: 2 }),
    new nn.Flatten(),
    new nn.Linear(init, 2, 1, { bias: false }),
  );
  const optimizer = new optim.SGD(net.parameters(), { lr: 1e-3, momentum: 0.9 });
  const average = new optim.EMA(net);
  const x = tensor(device(), new Random(1).normals(16), [1, 4, 4, 1]);
  const step = (all: boolean) => {
    tidy(() => {
      sum(net.forward(x)).backward();
      if (all) optim.clipGradNorm(net.parameters(), 1);
    });
    optimizer.step();
    optimizer.zeroGrad();
    if (all) average.update();
  };
  step(true);
  await device().sync();
  const { liveBuffers, liveBytes } = memory();
  for (let i = 0; i < STEPS; i++) {
    step(i % 20 === 0);
    if (i % 50 === 0) await device().sync();
  }
  await device().sync();
  assert.is(memory().liveBuffers, liveBuffers);
  assert.is(memory().liveBytes, liveBytes);
  for (const part of [optimizer, average, net, x]) part.dispose();
  assert.is(memory().liveBuffers, start);
});

test("Linear takes any leading axes and names the shape it cannot take", async () => {
  const layer = new nn.Linear(nn.Init.empty(device()), 2, 3);
  layer.weight.write([1, 2, 3, 4, 5, 6]);
  layer.bias!.write([10, 20, 30]);
  const y = layer.forward(tensor(device(), [1, 0, 0, 1, 1, 1, -1, 2], [2, 2, 2]));
  assert.equal(y.shape, [2, 2, 3]);
  assert.equal([...(await y.data())], [11, 23, 35, 12, 24, 36, 13, 27, 41, 13, 25, 37]);
  assert.throws(() => layer.forward(y), /Linear takes \[…, 2\], not \[2, 2, 3\]/);
});

test.run();
