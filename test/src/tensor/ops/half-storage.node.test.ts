/** What trains in mixed precision, on f16: against the references in float64 of what f16 holds. */

import { storedAsHalf } from "@retinaface-webgpu/kernels-wgsl";
import {
  batchNormLeakyRelu,
  batchNormTraining,
  cast,
  conv2d,
  decodeHalf,
  encodeHalf,
  maxPool,
  resizeNearest,
  type Tensor,
  zeros,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { snapshotCases } from "../../kernels-wgsl/snapshot-cases.js";
import { normalize, statistics } from "../../reference/batchnorm.js";
import * as reference from "../../reference/convolution.js";
import { pool } from "../../reference/pool.js";
import { nearest } from "../../reference/resize.js";
import { useDevice } from "../../support/gpu.js";
import { halfTest } from "../../support/half.js";
import { checkOp } from "../../support/op-check.js";
import { openRawGpu } from "../../support/raw-gpu.js";

const device = useDevice(test);

/** Rounded as f16 stores it. */
const representable = (value: number) => decodeHalf(encodeHalf(Float32Array.of(value)))[0];

/** Results and gradients are rounded once to 11 bits, sums are not. */
const tolerance = { atol: 3e-3, rtol: 3e-3 };

const inHalf = (x: Tensor) => cast(x, "f16");
const wide = (y: Tensor) => {
  assert.is(y.dtype, "f16");
  return cast(y, "f32");
};

const same: [number, number, number, number] = [1, 1, 1, 1];
const convolutions = [
  { x: [2, 7, 5, 8], weight: [16, 8, 3, 3], stride: 1, padding: 1, groups: 1 },
  { x: [2, 6, 7, 3], weight: [5, 3, 3, 3], stride: 2, padding: 1, groups: 1 },
  { x: [3, 5, 6, 12], weight: [20, 12, 1, 1], stride: 1, padding: 0, groups: 1 },
  { x: [2, 9, 7, 8], weight: [8, 1, 3, 3], stride: 1, padding: 1, groups: 8 },
  { x: [2, 9, 8, 8], weight: [8, 1, 3, 3], stride: 2, padding: 1, groups: 8 },
  { x: [1, 5, 7, 6], weight: [4, 3, 3, 3], stride: 1, padding: 1, groups: 2 },
] as const;

halfTest(test, "convolutions and their gradients, those to weights and biases in f32", async () => {
  for (const { x, weight, stride, padding, groups } of convolutions) {
    const spec = {
      stride: [stride, stride] as const,
      padding: padding ? same : ([0, 0, 0, 0] as const),
      dilation: [1, 1] as const,
      groups,
    };
    await checkOp(device(), {
      name: `convolution of [${x}] by [${weight}], stride ${stride}`,
      inputs: [
        { shape: x, adjust: representable },
        { shape: weight, values: { low: -0.3, high: 0.3 } },
        { shape: [weight[0]] },
      ],
      op: (input, w, b) => wide(conv2d(inHalf(input), w, b, { stride, padding, groups })),
      reference: (input, w, b) => reference.conv2d(input, w, b, spec),
      tolerance,
      gradientTolerance: { atol: 1e-2, rtol: 3e-3 },
    });
  }
});

halfTest(test, "batch norm: statistics and gradients to gamma and beta in f32", async () => {
  for (const shape of [
    [2, 5, 5, 17],
    [3, 3, 5, 5],
    [2, 7, 3, 8],
  ]) {
    const channels = shape.slice(-1);
    const inputs = [
      { shape, values: { low: -1, high: 3 }, adjust: representable },
      { shape: channels, values: { low: 0.5, high: 2 } },
      { shape: channels },
    ];
    await checkOp(device(), {
      name: `batch norm of [${shape}]`,
      inputs,
      op: (x, gamma, beta) => {
        const { y, mean } = batchNormTraining(inHalf(x), gamma, beta, 1e-3);
        assert.is(mean.dtype, "f32");
        return wide(y);
      },
      reference: (x, gamma, beta) => {
        const { mean, variance } = statistics(x);
        return normalize(x, mean, variance, gamma, beta, 1e-3);
      },
      tolerance,
      gradientTolerance: { atol: 1e-2, rtol: 3e-3 },
    });
    const [runningMean, runningVariance] = [0, 1].map(() => zeros(device(), channels));
    await checkOp(device(), {
      name: `batch norm and ReLU of [${shape}] by given statistics`,
      inputs,
      op: (x, gamma, beta) => {
        const layer = { gamma, beta, runningMean, runningVariance, training: false };
        return wide(batchNormLeakyRelu(inHalf(x), { ...layer, eps: 1, momentum: 0.1 }, 0.1));
      },
      reference: (x, gamma, beta) => {
        const none = new Float64Array(channels[0]);
        const y = normalize(x, none, none, gamma, beta, 1);
        return { ...y, data: y.data.map((v) => (v < 0 ? v * 0.1 : v)) };
      },
      step: 1e-7,
      tolerance,
      gradientTolerance: { atol: 1e-2, rtol: 3e-3 },
    });
  }
});

const windows = {
  kernel: [3, 3],
  stride: [2, 2],
  dilation: [1, 1],
  before: [1, 1],
  after: [1, 1],
};

halfTest(test, "pooling and enlarging", async () => {
  const x = { shape: [2, 7, 6, 5], adjust: representable };
  await checkOp(device(), {
    name: "maximum",
    inputs: [x],
    op: (input) => wide(maxPool(inHalf(input), { kernelSize: 3, stride: 2, padding: 1 })),
    reference: (input) => pool(input, windows, (values) => Math.max(...values)),
    step: 1e-6,
    tolerance,
    gradientTolerance: tolerance,
  });
  await checkOp(device(), {
    name: "nearest neighbour",
    inputs: [x],
    op: (input) => wide(resizeNearest(inHalf(input), { size: [13, 12] })),
    reference: (input) =>
      nearest(input, { size: [13, 12], scale: [13 / 7, 2], coordinates: "asymmetric" }, "floor"),
    tolerance,
    gradientTolerance: { atol: 1e-2, rtol: 3e-3 },
  });
});

halfTest(test, "kernels of every variant are WGSL with all of its f32 buffers as f16", async () => {
  const kinds = /^(conv2dBackward|batchNorm|maxPool|resize)/;
  const cases = [...snapshotCases()].filter(([name]) => kinds.test(name));
  assert.ok(cases.length > 20, `${cases.length}`);
  const gpu = await openRawGpu();
  for (const [name, kernel] of cases) {
    if (kernel.features?.includes("subgroups") && !gpu.traits.subgroups) continue;
    const half = storedAsHalf(
      kernel,
      kernel.bindings.map(() => true),
    );
    const { messages } = await gpu.device
      .createShaderModule({ code: half.wgsl })
      .getCompilationInfo();
    const errors = messages.filter(({ type }) => type === "error");
    assert.equal(
      errors.map(({ message }) => message),
      [],
      name,
    );
  }
  gpu.destroy();
});

test.run();
