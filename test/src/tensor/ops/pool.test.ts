import {
  avgPool,
  globalAvgPool,
  maxPool,
  maxPoolWithPositions,
  type PoolOptions,
  tensor,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type PoolReference, pool } from "../../reference/pool.js";
import { sumOf } from "../../reference/reduce.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";

const device = useDevice(test);

const layouts: { shape: number[]; options: PoolOptions; reference: PoolReference }[] = [
  {
    shape: [1, 6, 8, 3],
    options: { kernelSize: 2 },
    reference: { kernel: [2, 2], stride: [2, 2], dilation: [1, 1], before: [0, 0], after: [0, 0] },
  },
  {
    shape: [3, 7, 5, 64],
    options: { kernelSize: 3, stride: 2, padding: 1 },
    reference: { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], before: [1, 1], after: [1, 1] },
  },
  {
    shape: [3, 9, 10, 5],
    options: {
      kernelSize: [3, 2],
      stride: [1, 3],
      dilation: [2, 3],
      padding: [
        [1, 0],
        [0, 2],
      ],
    },
    reference: { kernel: [3, 2], stride: [1, 3], dilation: [2, 3], before: [1, 0], after: [0, 2] },
  },
  {
    shape: [1, 6, 7, 1],
    options: { kernelSize: 3, stride: 2, padding: [[0, 1], 1], ceilMode: true },
    reference: {
      kernel: [3, 3],
      stride: [2, 2],
      dilation: [1, 1],
      before: [0, 1],
      after: [1, 1],
      ceil: true,
    },
  },
  {
    shape: [3, 11, 3],
    options: { kernelSize: 4, stride: 3, ceilMode: true },
    reference: { kernel: [4], stride: [3], dilation: [1], before: [0], after: [0], ceil: true },
  },
  {
    shape: [1, 3, 4, 5, 4],
    options: { kernelSize: [2, 2, 3], stride: [1, 2, 1], padding: [1, 0, 1] },
    reference: {
      kernel: [2, 2, 3],
      stride: [1, 2, 1],
      dilation: [1, 1, 1],
      before: [1, 0, 1],
      after: [1, 0, 1],
    },
  },
];

test("maximum: values and gradients", async () => {
  for (const { shape, options, reference } of layouts) {
    await checkOp(device(), {
      name: `maxPool [${shape}] ${JSON.stringify(options)}`,
      inputs: [{ shape }],
      op: (x) => maxPool(x, options),
      reference: (x) => pool(x, reference, (values) => Math.max(...values)),
      step: 1e-6,
    });
  }
});

test("average with and without padding: values and gradients", async () => {
  for (const { shape, options, reference } of layouts) {
    for (const countIncludePad of [true, false]) {
      await checkOp(device(), {
        name: `avgPool [${shape}] ${JSON.stringify(options)} ${countIncludePad}`,
        inputs: [{ shape }],
        op: (x) => avgPool(x, { ...options, countIncludePad }),
        reference: (x) =>
          pool(x, reference, (values, padded) =>
            values.length === 0 ? 0 : sumOf(values) / (countIncludePad ? padded : values.length),
          ),
      });
    }
  }
});

test("global average: values and gradients", async () => {
  for (const shape of [
    [3, 5, 7, 64],
    [1, 3, 3, 3],
    [3, 9, 5],
  ]) {
    const spatial = shape.slice(1, -1);
    const [one, zero] = [spatial.map(() => 1), spatial.map(() => 0)];
    const reference = { kernel: spatial, stride: one, dilation: one, before: zero, after: zero };
    await checkOp(device(), {
      name: `globalAvgPool [${shape}]`,
      inputs: [{ shape }],
      op: globalAvgPool,
      reference: (x) => pool(x, reference, (values) => sumOf(values) / values.length),
    });
  }
});

test("positions of the maxima, the first of equal ones, negative values included", async () => {
  const x = tensor(device(), [-5, -3, -3, -9, -7, -8, -1, -2, -6], [1, 3, 3, 1]);
  const { y, positions } = maxPoolWithPositions(x, { kernelSize: 2, stride: 1 });
  assert.equal([...(await y.data())], [-3, -3, -1, -2]);
  assert.equal([...(await positions.data())], [1, 1, 6, 7]);
});

test("windows that do not fit", () => {
  const x = tensor(device(), new Float32Array(12), [1, 2, 2, 3]);
  assert.throws(
    () => maxPool(x, { kernelSize: 3 }),
    /window \[3, 3\] does not fit in \[1, 2, 2, 3\]/,
  );
  assert.throws(() => avgPool(x, { kernelSize: [2] }), /that the options match/);
});

test.run();
