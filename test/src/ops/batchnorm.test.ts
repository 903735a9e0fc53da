import {
  batchNorm,
  batchNormTraining,
  tensor,
  updateRunningStatistics,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalize, statistics } from "../reference/batchnorm.js";
import { assertClose } from "../support/close.js";
import { useDevice } from "../support/gpu.js";
import { checkOp } from "../support/op-check.js";
import { Random } from "../support/random.js";

const device = useDevice(test);

const shapes = [
  [3, 3, 5, 5],
  [1, 4, 3, 64],
  [3, 7, 7, 1],
  [9, 3],
  [3, 20, 17, 3],
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

test("statistics stay accurate where the mean is ten thousand deviations", async () => {
  const shape = [3, 64, 61, 3];
  const values = new Random(5).normals(
    shape.reduce((a, b) => a * b),
    10_000,
    1,
  );
  values[100] = 9_000;
  const [x, gamma, beta] = [
    tensor(device(), values, shape),
    tensor(device(), [1, 1, 1], [3]),
    tensor(device(), [0, 0, 0], [3]),
  ];
  const { y, mean, variance } = batchNormTraining(x, gamma, beta);
  const exact = statistics({ shape, data: Float64Array.from(values) });
  assertClose(await mean.data(), exact.mean, { rtol: 2e-7 });
  assertClose(await variance.data(), exact.variance, { rtol: 1e-4 });
  for (const t of [x, gamma, beta, y, mean, variance]) t.dispose();
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
