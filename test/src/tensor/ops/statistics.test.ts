import * as ops from "@retinaface-webgpu/tensor";
import { type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { at, broadcastAt, build, type NdArray, sizeOf } from "../../reference/array.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp, type OpInput } from "../../support/op-check.js";
import { Random } from "../../support/random.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

/** Replaces each element by a function of all that share its position on the kept axes. */
function overGroup(
  x: NdArray,
  axes: readonly number[],
  keep: boolean,
  value: (group: number[]) => number,
): NdArray {
  const kept = x.shape.map((n, k) => (axes.includes(k) ? 1 : n));
  const result = build(kept, (index) => {
    const group: number[] = [];
    for (let flat = 0; flat < sizeOf(x.shape); flat++) {
      let rest = flat;
      const place = [...x.shape].reverse().map((n) => {
        const i = rest % n;
        rest = Math.floor(rest / n);
        return i;
      });
      place.reverse();
      if (place.every((i, k) => axes.includes(k) || i === index[k])) group.push(x.data[flat]);
    }
    return value(group);
  });
  return keep ? result : { shape: x.shape.filter((_, k) => !axes.includes(k)), data: result.data };
}

const mean = (v: readonly number[]) => v.reduce((a, b) => a + b, 0) / v.length;
const spread = (v: readonly number[], correction: number) =>
  v.reduce((sum, n) => sum + (n - mean(v)) ** 2, 0) / (v.length - correction);

interface Case {
  readonly inputs: readonly OpInput[];
  readonly op: (...x: Tensor[]) => Tensor;
  readonly reference: (...x: NdArray[]) => NdArray;
}

/** Standardises over groups given by the place of an element, then scales and shifts by channel or by element. */
function normalized(x: NdArray, same: (a: readonly number[], b: readonly number[]) => boolean) {
  return build(x.shape, (index) => {
    const group: number[] = [];
    build(x.shape, (other) => {
      if (same(index, other)) group.push(at(x, ...other));
      return 0;
    });
    return (at(x, ...index) - mean(group)) / Math.sqrt(spread(group, 0) + 1e-5);
  });
}

function affine(y: NdArray, weight: NdArray, bias: NdArray): NdArray {
  return build(
    y.shape,
    (index) => at(y, ...index) * broadcastAt(weight, index) + broadcastAt(bias, index),
  );
}

const cases: Record<string, Case> = {
  "variance over the middle, of a large mean": {
    inputs: [{ shape: [3, 5, 2], values: { low: 99, high: 101 } }],
    op: (x) => ops.variance(x, { axes: [1] }),
    reference: (x) => overGroup(x, [1], false, (v) => spread(v, 1)),
  },
  "variance of all, biased, axes kept": {
    inputs: [{ shape: [2, 7] }],
    op: (x) => ops.variance(x, { keepDims: true, correction: 0 }),
    reference: (x) => overGroup(x, [0, 1], true, (v) => spread(v, 0)),
  },
  "2-norm": {
    inputs: [{ shape: [3, 5] }],
    op: (x) => ops.norm(x, { axes: [-1] }),
    reference: (x) => overGroup(x, [1], false, (v) => Math.hypot(...v)),
  },
  "1-norm": {
    inputs: [{ shape: [4, 3], adjust: (v) => v + Math.sign(v) * 0.1 }],
    op: (x) => ops.norm(x, { p: 1, axes: [0], keepDims: true }),
    reference: (x) => overGroup(x, [0], true, (v) => v.reduce((s, n) => s + Math.abs(n), 0)),
  },
  "maximum norm": {
    inputs: [{ shape: [3, 4] }],
    op: (x) => ops.norm(x, { p: Number.POSITIVE_INFINITY }),
    reference: (x) => overGroup(x, [0, 1], false, (v) => Math.max(...v.map(Math.abs))),
  },
  "normalize along the channels": {
    inputs: [{ shape: [2, 3, 5] }],
    op: (x) => ops.normalize(x, { axis: 1 }),
    reference: (x) => {
      const length = overGroup(x, [1], true, (v) => Math.hypot(...v));
      return build(x.shape, (index) => at(x, ...index) / broadcastAt(length, index));
    },
  },
  "logSumExp of large numbers": {
    inputs: [{ shape: [3, 7], values: { low: 100, high: 104 } }],
    op: (x) => ops.logSumExp(x, 1),
    reference: (x) =>
      overGroup(x, [1], false, (v) => 100 + Math.log(v.reduce((s, n) => s + Math.exp(n - 100), 0))),
  },
  "logSumExp along the first axis, kept": {
    inputs: [{ shape: [3, 2, 2] }],
    op: (x) => ops.logSumExp(x, 0, true),
    reference: (x) =>
      overGroup(x, [0], true, (v) => Math.log(v.reduce((s, n) => s + Math.exp(n), 0))),
  },
  "layerNorm over the last axis": {
    inputs: [{ shape: [3, 2, 5] }, { shape: [5] }, { shape: [5] }],
    op: (x, weight, bias) => ops.layerNorm(x, { weight, bias }),
    reference: (x, w, b) =>
      affine(
        normalized(x, (i, j) => i[0] === j[0] && i[1] === j[1]),
        w,
        b,
      ),
  },
  "layerNorm over two axes": {
    inputs: [{ shape: [2, 3, 4] }, { shape: [3, 4] }, { shape: [3, 4] }],
    op: (x, weight, bias) => ops.layerNorm(x, { weight, bias }, 1e-5, 2),
    reference: (x, w, b) =>
      affine(
        normalized(x, (i, j) => i[0] === j[0]),
        w,
        b,
      ),
  },
  "groupNorm of images": {
    inputs: [{ shape: [2, 3, 2, 6] }, { shape: [6] }, { shape: [6] }],
    op: (x, weight, bias) => ops.groupNorm(x, 3, { weight, bias }),
    reference: (x, w, b) =>
      affine(
        normalized(x, (i, j) => i[0] === j[0] && Math.floor(i[3] / 2) === Math.floor(j[3] / 2)),
        w,
        b,
      ),
  },
};

for (const [name, { inputs, op, reference }] of Object.entries(cases)) {
  test(`${name}: values, gradients, compiled`, async () => {
    const gradientTolerance = { atol: 2e-4, rtol: 1e-3 };
    const tolerance = { atol: 2e-5, rtol: 2e-5 };
    await checkOp(device(), { name, inputs, op, reference, tolerance, gradientTolerance });
    const random = new Random(3);
    const tensors = inputs.map(({ shape }) =>
      tensor(device(), random.normals(sizeOf(shape)), shape),
    );
    await checkCompiled(device(), name, op, tensors);
    for (const t of tensors) t.dispose();
  });
}

test("norm and normalize of zeros: no slope, no NaN", async () => {
  const x = tensor(device(), [0, 0, 3, 4], [2, 2], { requiresGrad: true });
  const [n, unit] = tidy(() => {
    const length = ops.norm(x, { axes: [1] });
    const normalized = ops.normalize(x);
    ops.sum(ops.add(ops.reshape(length, [2, 1]), normalized)).backward();
    return [length.detach(), normalized.detach()];
  });
  assert.equal(
    [...(await n.data())].map((v) => Math.fround(Math.round(v * 1e6) / 1e6)),
    [0, 5],
  );
  assert.equal([...(await unit.data())].slice(0, 2), [0, 0]);
  assert.ok([...(await x.grad!.data())].every(Number.isFinite));
  x.grad?.dispose();
  for (const t of [x, n, unit]) t.dispose();
});

test("logSumExp of nothing but −∞ is −∞", async () => {
  const x = tensor(device(), new Float32Array(3).fill(Number.NEGATIVE_INFINITY), [1, 3]);
  const y = tidy(() => ops.logSumExp(x, 1));
  assert.equal([...(await y.data())], [Number.NEGATIVE_INFINITY]);
  x.dispose();
  y.dispose();
});

test("what does not fit is a typed error", () => {
  const x = tensor(device(), new Float32Array(6), [2, 3]);
  throwsCode(() => ops.variance(x, { axes: [] }), "SHAPE", /correction: 0/);
  throwsCode(() => ops.groupNorm(x, 2), "SHAPE", /2 groups/);
  throwsCode(() => ops.layerNorm(x, { weight: x }), "SHAPE", /must be \[3\]/);
  throwsCode(() => ops.norm(x, { p: 3 }), "ARGUMENT", /1, 2 or Infinity/);
  throwsCode(() => ops.normalize(x, { dim: 1 } as object), "ARGUMENT", /no option "dim"/);
  x.dispose();
});

test.run();
