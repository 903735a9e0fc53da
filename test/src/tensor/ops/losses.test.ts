import * as ops from "@retinaface-webgpu/tensor";
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  sigmoidFocalLoss,
  smoothL1Loss,
  tensor,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NdArray } from "../../reference/array.js";
import { zip } from "../../reference/elementwise.js";
import * as reference from "../../reference/losses.js";
import { sumOf } from "../../reference/reduce.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { Random } from "../../support/random.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

const scalar = (value: number): NdArray => ({ shape: [], data: Float64Array.of(value) });

test("cross-entropy with an ignored label, in every reduction, and its gradient", async () => {
  for (const shape of [
    [5, 3],
    [3, 4, 2],
    [3, 5, 64],
    [3, 200],
    [1, 1],
  ]) {
    const classes = shape[shape.length - 1];
    const rows = shape.slice(0, -1);
    const random = new Random(1);
    const count = rows.reduce((a, b) => a * b, 1);
    const values = Array.from({ length: count }, () => random.integer(0, classes - 1));
    if (count > 1) values[1] = -1;
    const valid = values.filter((v) => v !== -1).length;
    for (const reduction of ["none", "sum", "mean"] as const) {
      await checkOp(device(), {
        name: `crossEntropy [${shape}] ${reduction}`,
        inputs: [
          { shape, values: { low: -5, high: 5 } },
          { shape: rows, values, dtype: "i32" },
        ],
        op: (x, labels) => crossEntropy(x, labels, { reduction, ignoreIndex: -1 }),
        reference: (x, labels) => {
          const loss = reference.crossEntropy(x, labels, -1);
          const total = sumOf([...loss.data]);
          return reduction === "none" ? loss : scalar(reduction === "sum" ? total : total / valid);
        },
      });
    }
  }
});

test("cross-entropy of logits far apart, of ignored rows only, and of impossible labels", async () => {
  const x = tensor(device(), [1e4, -1e4, 0, 50], [2, 2], { requiresGrad: true });
  const labels = tensor(device(), [1, 1], [2], { dtype: "i32" });
  const loss = crossEntropy(x, labels, { reduction: "none" });
  assertClose(await loss.data(), [2e4, 0], { rtol: 1e-6 });
  loss.backward(tensor(device(), [1, 1], [2]));
  assertClose(await x.grad!.data(), [1, -1, Math.exp(-50), 0], { atol: 1e-7 });
  const ignored = tensor(device(), [-100, -100], [2], { dtype: "i32" });
  assert.is(await crossEntropy(x, ignored).item(), 0);
  const wrong = tensor(device(), [2, 0], [2], { dtype: "i32" });
  const [first, second] = await crossEntropy(x, wrong, { reduction: "none" }).data();
  assert.ok(Number.isNaN(first) && second > 49);
  assert.throws(
    () => crossEntropy(x, tensor(device(), [0], [1], { dtype: "i32" })),
    /labels \[1\] for logits \[2, 2\]/,
  );
});

test("sigmoid focal loss, and its gradient", async () => {
  for (const shape of [[7], [3, 5], [3, 64]]) {
    for (const [alpha, gamma] of [
      [0.25, 2],
      [-1, 0],
      [0.6, 1],
      [0.25, 0.5],
      [0.1, 3.7],
    ]) {
      for (const soft of [false, true]) {
        await checkOp(device(), {
          name: `focal [${shape}] α ${alpha} γ ${gamma} ${soft}`,
          inputs: [
            { shape, values: { low: -6, high: 6 } },
            {
              shape,
              values: { low: 0, high: 1 },
              adjust: (v) => (soft ? v : Math.round(v)),
              gradient: false,
            },
          ],
          op: (x, t) => sigmoidFocalLoss(x, t, { alpha, gamma }),
          reference: (x, t) => zip(x, t, (u, v) => reference.focal(u, v, alpha, gamma)),
        });
      }
    }
  }
});

test("sigmoid focal loss and its gradient are finite and right at logits of ±50 and beyond", async () => {
  const logits = [-50, 50, -50, 50, -88, 88, -1000, 1000];
  const targets = [0, 0, 1, 1, 1, 0, 0, 1];
  for (const gamma of [2, 0, 0.5]) {
    const x = tensor(device(), logits, [8], { requiresGrad: true });
    const t = tensor(device(), targets, [8]);
    const loss = sigmoidFocalLoss(x, t, { gamma });
    loss.backward(tensor(device(), new Float32Array(8).fill(1), [8]));
    const value = (k: number, d: number) => reference.focal(logits[k] + d, targets[k], 0.25, gamma);
    assertClose(
      await loss.data(),
      logits.map((_, k) => value(k, 0)),
      { rtol: 1e-5, atol: 1e-20 },
    );
    const slopes = logits.map((_, k) => (value(k, 1e-4) - value(k, -1e-4)) / 2e-4);
    assertClose(await x.grad!.data(), slopes, { rtol: 1e-4, atol: 1e-7 });
  }
});

test("binary cross-entropy is the focal loss without focus", async () => {
  await checkOp(device(), {
    name: "binaryCrossEntropyWithLogits",
    inputs: [{ shape: [3, 5] }, { shape: [3, 5], values: { low: 0, high: 1 }, gradient: false }],
    op: (x, t) => binaryCrossEntropyWithLogits(x, t),
    reference: (x, t) =>
      scalar(sumOf([...zip(x, t, (u, v) => reference.focal(u, v, -1, 0)).data]) / 15),
  });
});

test("smooth L1, and its gradients to both sides", async () => {
  for (const shape of [[5], [3, 64], [1, 3, 5]]) {
    for (const beta of [1, 1 / 9, 0]) {
      for (const reduction of ["none", "mean"] as const) {
        await checkOp(device(), {
          name: `smoothL1 [${shape}] β ${beta}`,
          inputs: [
            { shape, values: { low: -2, high: 2 } },
            { shape, values: { low: -2, high: 2 } },
          ],
          op: (x, t) => smoothL1Loss(x, t, { beta, reduction }),
          reference: (x, t) => {
            const loss = zip(x, t, (u, v) => reference.smoothL1(u, v, beta));
            return reduction === "none" ? loss : scalar(sumOf([...loss.data]) / loss.data.length);
          },
          step: 1e-6,
        });
      }
    }
  }
  const [a, b] = [tensor(device(), [1, 2], [2]), tensor(device(), [1, 2, 3], [3])];
  assert.throws(() => smoothL1Loss(a, b), /smoothL1Loss: \[2\] and targets \[3\]/);
});

const smooth = (logits: NdArray, probabilities: (row: number, k: number) => number): number[] => {
  const [rows, classes] = logits.shape;
  return Array.from({ length: rows }, (_, r) => {
    const row = Array.from({ length: classes }, (_, k) => logits.data[r * classes + k]);
    const total = Math.log(row.reduce((s, v) => s + Math.exp(v), 0));
    return row.reduce((s, v, k) => s - probabilities(r, k) * (v - total), 0);
  });
};

test("crossEntropy with label smoothing, with ignored rows, and with probabilities", async () => {
  const labels = [2, 0, -100, 1];
  const even = 0.1 / 3;
  const target = tensor(device(), labels, [4], { dtype: "i32" });
  await checkOp(device(), {
    name: "label smoothing",
    inputs: [{ shape: [4, 3], values: { low: -3, high: 3 } }],
    op: (x) => ops.crossEntropy(x, target, { labelSmoothing: 0.1 }),
    reference: (x) => {
      const rows = smooth(x, (r, k) => (labels[r] === k ? 0.9 : 0) + even);
      return { shape: [], data: Float64Array.of((rows[0] + rows[1] + rows[3]) / 3) };
    },
  });
  const probabilities = [0.2, 0.3, 0.5, 1, 0, 0];
  const soft = tensor(device(), probabilities, [2, 3]);
  await checkOp(device(), {
    name: "probabilities",
    inputs: [{ shape: [2, 3], values: { low: -3, high: 3 } }],
    op: (x) => ops.crossEntropy(x, soft, { labelSmoothing: 0.1, reduction: "sum" }),
    reference: (x) => {
      const rows = smooth(x, (r, k) => 0.9 * probabilities[r * 3 + k] + even);
      return { shape: [], data: Float64Array.of(rows[0] + rows[1]) };
    },
  });
  throwsCode(() => ops.crossEntropy(soft, target), "SHAPE", /labels/);
  throwsCode(() => ops.crossEntropy(soft, soft, { labelSmoothing: 2 }), "ARGUMENT", /0 to 1/);
  target.dispose();
  soft.dispose();
});

for (const [name, op, loss] of [
  ["mseLoss", ops.mseLoss, (d: number) => d * d],
  ["l1Loss", ops.l1Loss, Math.abs],
] as const) {
  test(name, async () => {
    await checkOp(device(), {
      name,
      inputs: [{ shape: [3, 5] }, { shape: [3, 5] }],
      op: (x, t) => op(x, t),
      reference: (x, t) => {
        const all = x.data.map((v, i) => loss(v - t.data[i]));
        return { shape: [], data: Float64Array.of(all.reduce((a, b) => a + b, 0) / 15) };
      },
    });
    const [x, t] = [[2, 3], [3]].map((shape) =>
      tensor(
        device(),
        new Float32Array(6).slice(
          0,
          shape.reduce((a, b) => a * b, 1),
        ),
        shape,
      ),
    );
    throwsCode(() => op(x, t), "SHAPE", /one shape/);
    x.dispose();
    t.dispose();
  });
}

test.run();
