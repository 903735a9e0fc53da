import { gather, scatterAdd, tensor, where } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { broadcastAt, broadcastShape, build } from "../../reference/array.js";
import * as reference from "../../reference/gather.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);

const layouts = [
  { shape: [7, 5], axis: 0, index: [3], values: [6, 0, -1] },
  { shape: [3, 4, 64], axis: 1, index: [2, 3], values: [0, 3, 3, -4, 1, 0] },
  { shape: [3, 5], axis: 1, index: [1], values: [2] },
  { shape: [1, 3, 1], axis: 1, index: [4], values: [2, 7, -9, 2] },
];

test("gather along any axis, out of range reads zeros, and its gradient", async () => {
  for (const { shape, axis, index, values } of layouts) {
    await checkOp(device(), {
      name: `gather [${shape}] at [${values}] along ${axis}`,
      inputs: [{ shape }, { shape: index, values, dtype: "i32" }],
      op: (x, i) => gather(x, i, axis),
      reference: (x, i) => reference.gather(x, i, axis),
    });
  }
});

test("scatter-add, its adjoint, with repeated positions, and its gradient", async () => {
  for (const { shape, axis, index, values } of layouts) {
    const source = [...shape.slice(0, axis), ...index, ...shape.slice(axis + 1)];
    await checkOp(device(), {
      name: `scatterAdd [${source}] at [${values}] along ${axis}`,
      inputs: [{ shape: source }, { shape: index, values, dtype: "i32" }],
      op: (x, i) => scatterAdd(x, i, shape[axis], axis),
      reference: (x, i) => reference.scatterAdd(x, i, shape[axis], axis),
    });
  }
});

test("scatter-add gives the same bits every time", async () => {
  const random = new Random(4);
  const source = tensor(device(), random.normals(4000, 0, 1e3), [1000, 4]);
  const positions = Array.from({ length: 1000 }, () => random.integer(0, 2));
  const index = tensor(device(), positions, [1000], { dtype: "i32" });
  const first = await scatterAdd(source, index, 3).data();
  for (let i = 0; i < 3; i++) assert.equal(await scatterAdd(source, index, 3).data(), first);
});

test("indices that do not fit", () => {
  const x = tensor(device(), new Float32Array(6), [2, 3]);
  const index = tensor(device(), [0, 1, 0], [3], { dtype: "i32" });
  assert.throws(() => gather(x, x), /gather's index takes i32, not f32/);
  assert.throws(() => scatterAdd(x, index, 4), /index \[3\] for \[2, 3\] at axis 0/);
});

test("where chooses with broadcasting, and its gradients", async () => {
  const shapes = [
    [
      [3, 5],
      [3, 5],
      [3, 5],
    ],
    [[4, 1], [1, 8], []],
    [[64], [3, 2, 64], [2, 1]],
    [[2, 3], [1], [1, 1, 1]],
    [[1], [3, 1], [1, 8]],
    [[1, 1], [1], [5]],
    [[4], [1], []],
  ];
  for (const [condition, a, b] of shapes) {
    const random = new Random(8);
    const size = condition.reduce((m, n) => m * n, 1);
    const values = Array.from({ length: size }, () => random.integer(0, 1));
    for (const dtype of ["f32", "i32", "u32"] as const) {
      await checkOp(device(), {
        name: `where [${condition}] [${a}] [${b}] ${dtype}`,
        inputs: [{ shape: condition, values, dtype, gradient: false }, { shape: a }, { shape: b }],
        op: where,
        reference: (c, x, y) => {
          const sum = broadcastShape(c, x, y);
          return build(sum, (i) => (broadcastAt(c, i) ? broadcastAt(x, i) : broadcastAt(y, i)));
        },
      });
    }
  }
});

test("what where does not choose has no influence, not even NaN", async () => {
  const mask = tensor(device(), [1, 0], [2]);
  const x = tensor(device(), [2, Number.NaN], [2], { requiresGrad: true });
  const y = where(mask, x, tensor(device(), [5], []));
  y.backward(tensor(device(), [3, 3], [2]));
  assert.equal([...(await y.data())], [2, 5]);
  assert.equal([...(await x.grad!.data())], [3, 0]);
});

test("a condition of NaN or of an infinity is not 0, in rows of any length", async () => {
  const { NaN: nan, NEGATIVE_INFINITY: down } = Number;
  const conditions = [nan, 0, down, -0, -3, nan, 0, 5];
  for (const count of [8, 7, 1]) {
    const condition = tensor(device(), conditions.slice(0, count), [count]);
    const expected = [1, 2, 1, 2, 1, 1, 2, 1].slice(0, count);
    assert.equal([...(await where(condition, 1, 2).data())], expected);
  }
  const one = where(tensor(device(), [nan], [1]), tensor(device(), [1, 2, 3, 4], [4]), 9);
  assert.equal([...(await one.data())], [1, 2, 3, 4]);
});

test.run();
