import {
  batchNorm,
  batchNormLeakyRelu,
  batchNormTraining,
  Device,
  tensor,
  updateRunningStatistics,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalize, statistics } from "../../reference/batchnorm.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);

const shapes = [
  [3, 3, 5, 5],
  [1, 4, 3, 64],
  [3, 7, 7, 1],
  [9, 3],
  [3, 20, 17, 3],
  // In one dispatch each way on CPU adapters.
  [3, 5, 5, 17],
  // One value a channel, which is its own mean, and two, of which each is as far from it as the other.
  [1, 1, 1, 3],
  [1, 1, 1, 17],
  [2, 1, 1, 3],
  [2, 1, 1, 17],
];

// On CPU adapters an invocation has several rows of these, in chunks of which the last is short.
const long = [
  [1, 83, 67, 8],
  [1, 37, 41, 20],
];

test("training mode normalises by the batch's statistics; gradients to x, gamma and beta", async () => {
  for (const shape of shapes) {
    const channels = shape.slice(-1);
    await checkOp(device(), {
      name: `batch norm of [${shape}]`,
      inputs: [
        { shape, values: { low: -1, high: 3 } },
        { shape: channels, values: { low: 0.5, high: 2 } },
        { shape: channels },
      ],
      op: (x, gamma, beta) => batchNormTraining(x, gamma, beta, 1e-3).y,
      reference: (x, gamma, beta) => {
        const { mean, variance } = statistics(x);
        return normalize(x, mean, variance, gamma, beta, 1e-3);
      },
      gradientTolerance: { atol: 3e-4, rtol: 3e-4 },
    });
  }
});

test("inference mode uses the given statistics; gradients to x, gamma and beta", async () => {
  for (const shape of shapes) {
    const channels = shape.slice(-1);
    await checkOp(device(), {
      name: `batch norm of [${shape}]`,
      inputs: [
        { shape },
        { shape: channels, gradient: false },
        { shape: channels, values: { low: 0.3, high: 2 }, gradient: false },
        { shape: channels, values: { low: 0.5, high: 2 } },
        { shape: channels },
      ],
      op: (x, mean, variance, gamma, beta) => batchNorm(x, { mean, variance, gamma, beta }),
      reference: (x, mean, variance, gamma, beta) =>
        normalize(x, mean.data, variance.data, gamma, beta, 1e-5),
    });
  }
});

for (const slope of [0, 0.1]) {
  test(`batch norm with a leaky ReLU of slope ${slope} in one; its gradients`, async () => {
    for (const shape of slope === 0 ? shapes : [...shapes, ...long]) {
      const channels = shape.slice(-1);
      const [n] = channels;
      const zeros = () => tensor(device(), new Float32Array(n), [n]);
      const [runningMean, runningVariance] = [zeros(), zeros()];
      const running = {
        mean: new Float64Array(n).fill(0.2),
        variance: new Float64Array(n).fill(1.3),
      };
      for (const training of [true, false]) {
        runningMean.write(running.mean);
        runningVariance.write(running.variance);
        await checkOp(device(), {
          name: `batch norm and leaky ReLU of [${shape}], ${training ? "training" : "inference"}`,
          inputs: [
            { shape, values: { low: -1, high: 1.5 } },
            { shape: channels, values: { low: 0.5, high: 2 } },
            { shape: channels },
          ],
          op: (x, gamma, beta) => {
            const layer = { gamma, beta, runningMean, runningVariance, training };
            return batchNormLeakyRelu(x, { ...layer, eps: 1e-3, momentum: 0.1 }, slope);
          },
          reference: (x, gamma, beta) => {
            const { mean, variance } = training ? statistics(x) : running;
            const y = normalize(x, mean, variance, gamma, beta, 1e-3);
            return { ...y, data: y.data.map((v) => (v < 0 ? v * slope : v)) };
          },
          // Small, so that no value crosses the kink.
          step: 1e-7,
          gradientTolerance: { atol: 3e-4, rtol: 3e-4 },
        });
        const moved = (await runningMean.data()).some((v) => Math.abs(Number(v) - 0.2) > 1e-6);
        assert.is(moved, training, "running statistics change in training only");
      }
      for (const t of [runningMean, runningVariance]) t.dispose();
    }
  });
}

test("a long batch norm by the kernels of graphics cards, which merge many segments twice", async () => {
  const own = await Device.create();
  Object.assign(own.adapter, { software: false });
  for (const shape of [
    [1, 183, 181, 4],
    [2, 9, 5, 17],
  ]) {
    await checkOp(own, {
      name: `batch norm of [${shape}] as on graphics cards`,
      inputs: [
        { shape, values: { low: -1, high: 3 } },
        { shape: shape.slice(-1), values: { low: 0.5, high: 2 } },
        { shape: shape.slice(-1) },
      ],
      op: (x, gamma, beta) => batchNormTraining(x, gamma, beta, 1e-3).y,
      reference: (x, gamma, beta) => {
        const { mean, variance } = statistics(x);
        return normalize(x, mean, variance, gamma, beta, 1e-3);
      },
      gradientTolerance: { atol: 3e-4, rtol: 3e-4 },
    });
  }
  own.destroy();
});

test("statistics stay accurate where the mean is ten thousand deviations", async () => {
  for (const shape of [
    [3, 64, 61, 3],
    [3, 33, 41, 16],
  ]) {
    const channels = shape[3];
    const values = new Random(5).normals(
      shape.reduce((a, b) => a * b),
      10_000,
      1,
    );
    values[100] = 9_000;
    const [x, gamma, beta] = [
      tensor(device(), values, shape),
      tensor(device(), new Float32Array(channels).fill(1), [channels]),
      tensor(device(), new Float32Array(channels), [channels]),
    ];
    const { y, mean, variance } = batchNormTraining(x, gamma, beta);
    const exact = statistics({ shape, data: Float64Array.from(values) });
    assertClose(await mean.data(), exact.mean, { rtol: 2e-7 });
    assertClose(await variance.data(), exact.variance, { rtol: 1e-4 });
    for (const t of [x, gamma, beta, y, mean, variance]) t.dispose();
  }
});

test("running statistics follow PyTorch: momentum and unbiased variance", async () => {
  const shape = [5, 2];
  const values = [1, 10, 2, 20, 3, 30, 4, 40, 5, 60];
  const x = tensor(device(), values, shape);
  const [gamma, beta] = [tensor(device(), [1, 1], [2]), tensor(device(), [0, 0], [2])];
  const runningMean = tensor(device(), [0, 1], [2]);
  const runningVariance = tensor(device(), [1, 2], [2]);
  const { mean, variance } = batchNormTraining(x, gamma, beta);
  updateRunningStatistics({ mean, variance, runningMean, runningVariance, rows: 5, momentum: 0.1 });
  assertClose(await runningMean.data(), [0.3, 4.1], { rtol: 1e-6 });
  assertClose(await runningVariance.data(), [0.9 + 0.25, 1.8 + 37], { rtol: 1e-6 });
  const wrong = tensor(device(), [1, 1, 1], [3]);
  assert.throws(
    () => batchNormTraining(x, wrong, beta),
    /a per-channel tensor \[3\] for x \[5, 2\]; it must be \[2\]/,
  );
  const empty = tensor(device(), [], [0, 2]);
  assert.throws(() => batchNormTraining(empty, gamma, beta), /\[0, 2\] has no values/);
});

test.run();
