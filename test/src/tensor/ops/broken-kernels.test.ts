/**
 * Shows that the op checks can fail: kernels broken on purpose, each in one place as a slip of the hand would,
 * must be caught, and by the check of that operation.
 */
import type { Kernel } from "@retinaface-webgpu/kernels-wgsl";
import type { BufferBinding } from "@retinaface-webgpu/tensor";
import * as ops from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { normalize, statistics } from "../../reference/batchnorm.js";
import { conv2d } from "../../reference/convolution.js";
import { deformConv2d } from "../../reference/deform.js";
import { map, zip } from "../../reference/elementwise.js";
import { focal } from "../../reference/losses.js";
import { matmul } from "../../reference/matmul.js";
import { take } from "../../reference/movement.js";
import { pool } from "../../reference/pool.js";
import { reduceBy, sumOf } from "../../reference/reduce.js";
import { bilinear } from "../../reference/resize.js";
import { softmax } from "../../reference/softmax.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp, type OpCheck } from "../../support/op-check.js";

const device = useDevice(test);

interface Slip {
  readonly check: OpCheck;
  /** Start of the broken kernel's name. */
  readonly kernel: string;
  /** The right text and the wrong one. */
  readonly right: string;
  readonly wrong: string;
}

const sigmoid: OpCheck = {
  name: "sigmoid",
  inputs: [{ shape: [3, 5] }],
  op: ops.sigmoid,
  reference: (x) => map(x, (v) => 1 / (1 + Math.exp(-v))),
};
const multiply: OpCheck = {
  name: "mul",
  inputs: [{ shape: [3, 4, 8] }, { shape: [8] }],
  op: (a, b) => ops.mul(a, b),
  reference: (a, b) => zip(a, b, (u, v) => u * v),
};
const total: OpCheck = {
  name: "sum",
  inputs: [{ shape: [3, 5] }],
  op: (x) => ops.sum(x, { axes: [1] }),
  reference: (x) => reduceBy(x, [1], false, sumOf),
};
const classes: OpCheck = {
  name: "softmax",
  inputs: [{ shape: [4, 70] }],
  op: (x) => ops.softmax(x),
  reference: (x) => softmax(x, 1),
};
const norm: OpCheck = {
  name: "batch norm",
  inputs: [{ shape: [3, 2, 2, 3] }, { shape: [3] }, { shape: [3] }],
  op: (x, gamma, beta) => ops.batchNormTraining(x, gamma, beta).y,
  reference: (x, gamma, beta) => {
    const { mean, variance } = statistics(x);
    return normalize(x, mean, variance, gamma, beta, 1e-5);
  },
};
const enlarge: OpCheck = {
  name: "bilinear",
  inputs: [{ shape: [1, 3, 4, 2] }],
  op: (x) => ops.resizeBilinear(x, { size: [5, 7] }),
  reference: (x) => bilinear(x, { size: [5, 7], scale: [5 / 3, 7 / 4], coordinates: "halfPixel" }),
};
const average: OpCheck = {
  name: "avgPool",
  inputs: [{ shape: [1, 5, 4, 3] }],
  op: (x) => ops.avgPool(x, { kernelSize: 3, stride: 2, padding: 1, countIncludePad: false }),
  reference: (x) =>
    pool(
      x,
      { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], before: [1, 1], after: [1, 1] },
      (values) => sumOf(values) / values.length,
    ),
};
const product: OpCheck = {
  name: "matmul",
  inputs: [{ shape: [33, 17] }, { shape: [17, 35] }],
  op: (a, b) => ops.matmul(a, b),
  reference: matmul,
};
const part: OpCheck = {
  name: "slice",
  inputs: [{ shape: [5, 8] }],
  op: (x) => ops.slice(x, [{ start: 1, end: 5, step: 2 }]),
  reference: (x) =>
    take(x, [
      { first: 1, step: 2, count: 2 },
      { first: 0, step: 1, count: 8 },
    ]),
};
const focalLoss: OpCheck = {
  name: "focal",
  inputs: [
    { shape: [3, 5], values: { low: -3, high: 3 } },
    { shape: [3, 5], values: { low: 0, high: 1 }, adjust: Math.round, gradient: false },
  ],
  op: (x, t) => ops.sigmoidFocalLoss(x, t),
  reference: (x, t) => zip(x, t, (u, v) => focal(u, v, 0.25, 2)),
};

const grouped: OpCheck = {
  name: "conv2d",
  inputs: [{ shape: [1, 9, 8, 4] }, { shape: [6, 2, 2, 3] }, { shape: [6] }],
  op: (x, weight, bias) => ops.conv2d(x, weight, bias, { stride: [1, 3], padding: 1, groups: 2 }),
  reference: (x, weight, bias) =>
    conv2d(x, weight, bias, {
      stride: [1, 3],
      padding: [1, 1, 1, 1],
      dilation: [1, 1],
      groups: 2,
    }),
};

const deformed: OpCheck = {
  name: "deformConv2d",
  inputs: [
    { shape: [1, 4, 3, 4] },
    { shape: [1, 4, 3, 8], values: { low: 0.1, high: 0.9 } },
    { shape: [2, 4, 2, 2] },
    { shape: [1, 4, 3, 4], values: { low: 0, high: 1 } },
  ],
  op: (x, offset, weight, mask) =>
    ops.deformConv2d(x, offset, weight, undefined, mask, { padding: [0, 1, 0, 1] }),
  reference: (x, offset, weight, mask) =>
    deformConv2d(x, offset, weight, undefined, mask, {
      stride: [1, 1],
      padding: [0, 1, 0, 1],
      dilation: [1, 1],
      groups: 1,
    }),
};

const slips: Slip[] = [
  {
    check: deformed,
    kernel: "deform-sample",
    right: "mix(above, below",
    wrong: "mix(below, above",
  },
  { check: deformed, kernel: "deform-offset", right: "(below - above)", wrong: "(above - below)" },
  { check: deformed, kernel: "deform-sum", right: "corner < 4u", wrong: "corner < 3u" },
  { check: sigmoid, kernel: "unary-sigmoid", right: "T(1.0) + e", wrong: "T(1.0) - e" },
  { check: sigmoid, kernel: "unary-sigmoid-backward", right: "T(1) - y", wrong: "T(1) + y" },
  { check: multiply, kernel: "binary-mul", right: "x1 * p.bS1", wrong: "x0 * p.bS1" },
  { check: multiply, kernel: "binary-mul-backward-b", right: "g * a", wrong: "g * b" },
  { check: total, kernel: "reduce-sum", right: "r < p.length", wrong: "r + 1u < p.length" },
  { check: classes, kernel: "softmax-workgroup", right: "width > 0u", wrong: "width > 1u" },
  { check: classes, kernel: "softmax-backward", right: " - total", wrong: " + total" },
  { check: norm, kernel: "batchnorm-statistics", right: "value - mean", wrong: "value" },
  { check: norm, kernel: "batchnorm-backward-input", right: " - byBeta", wrong: "" },
  { check: enlarge, kernel: "resize-bilinear", right: "low + 1", wrong: "low + 2" },
  {
    check: enlarge,
    kernel: "resize-bilinear-backward",
    right: "1.0 - t.weight",
    wrong: "t.weight",
  },
  { check: average, kernel: "average-pool", right: "max(-start, 0)", wrong: "0" },
  { check: average, kernel: "average-pool-backward", right: "% p.xStride != 0", wrong: "< 0" },
  { check: product, kernel: "matmul-direct", right: "row + 3u", wrong: "row + 2u" },
  { check: grouped, kernel: "conv2d/direct", right: "% p.out_w * p.stride_x", wrong: "% p.out_w" },
  {
    check: grouped,
    kernel: "conv2d/gather",
    right: " && u32(x) % p.stride_x == 0u",
    wrong: "",
  },
  {
    check: grouped,
    kernel: "conv2d/weight-gradient",
    right: "if (is_bias)",
    wrong: "if (row > rows)",
  },
  {
    check: grouped,
    kernel: "conv2d/weight-gradient-sum",
    right: "slice < p.slices",
    wrong: "slice + 1u < p.slices",
  },
  { check: part, kernel: "fill", right: "(p.value)", wrong: "(p.value + 1.0)" },
  { check: focalLoss, kernel: "sigmoid-focal-backward", right: "p.gamma * f.ce", wrong: "f.ce" },
];

/** Runs `work` while kernels whose name starts as given run with another text; tells whether any did. */
async function withSlip(slip: Slip, work: () => Promise<void>): Promise<boolean> {
  const target = device();
  const run = target.run;
  let broken = false;
  target.run = (kernel: Kernel, bindings: readonly BufferBinding[]) => {
    const hit = kernel.name.startsWith(slip.kernel) && kernel.wgsl.includes(slip.right);
    broken ||= hit;
    const wgsl = hit ? kernel.wgsl.replaceAll(slip.right, slip.wrong) : kernel.wgsl;
    run.call(target, { ...kernel, wgsl }, bindings);
  };
  try {
    await work();
  } finally {
    target.run = run;
  }
  return broken;
}

for (const slip of slips) {
  const { check, kernel, right, wrong } = slip;
  test(`${check.name}: ${kernel} with "${wrong}" for "${right}" is caught`, async () => {
    await checkOp(device(), check);
    let message = "";
    const broken = await withSlip(slip, async () => {
      await checkOp(device(), check).catch((error: Error) => {
        message = error.message;
      });
    });
    assert.ok(broken, "the kernel's text has changed: name another slip");
    assert.match(message, new RegExp(`^${check.name}.* elements? differ`));
  });
}

test.run();
