import {
  gather,
  gatherElements,
  scatterAdd,
  scatterAddElements,
  tensor,
  where,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { broadcastAt, broadcastShape, build } from "../../reference/array.js";
import * as reference from "../../reference/gather.js";
import { assertClose } from "../../support/close.js";
import { checkCompiled } from "../../support/compiled.js";
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

const elementLayouts = [
  { shape: [5], axis: 0, index: [3], values: [4, -1, 4] },
  { shape: [2, 3, 5], axis: 1, index: [2, 4, 5], values: undefined },
  { shape: [3, 7], axis: 1, index: [2, 2], values: [6, 0, -7, 7] },
  { shape: [4, 2, 3], axis: 0, index: [1, 1, 3], values: [3, -8, 0] },
];

test("gatherElements, also of a smaller index, and its gradient", async () => {
  const random = new Random(9);
  for (const { shape, axis, index, values } of elementLayouts) {
    const positions = values ?? Array.from({ length: 40 }, () => random.integer(-3, 2));
    await checkOp(device(), {
      name: `gatherElements [${shape}] at [${positions}] along ${axis}`,
      inputs: [{ shape }, { shape: index, values: positions, dtype: "i32" }],
      op: (x, i) => gatherElements(x, i, axis),
      reference: (x, i) => reference.gatherElements(x, i, axis),
    });
    await checkOp(device(), {
      name: `scatterAddElements [${index}] at [${positions}] along ${axis}`,
      inputs: [{ shape: index }, { shape: index, values: positions, dtype: "i32" }],
      op: (x, i) => scatterAddElements(x, i, shape[axis], axis),
      reference: (x, i) => reference.scatterAddElements(x, i, shape[axis], axis),
    });
  }
});

test("many indices into many rows are sorted first: the same sums, the same bits every time", async () => {
  const random = new Random(6);
  for (const { source, rows, axis } of [
    { source: [3000, 16], rows: 900, axis: 0 },
    { source: [2, 1100, 6], rows: 1500, axis: 1 },
  ]) {
    const count = source[axis];
    const indexShape = [count];
    const positions = Array.from({ length: count }, () => random.integer(-rows - 9, rows + 9));
    const [x, index] = [
      tensor(device(), random.normals(source.reduce((a, b) => a * b, 1)), source),
      tensor(device(), positions, indexShape, { dtype: "i32" }),
    ];
    const expected = reference.scatterAdd(
      { shape: source, data: Float64Array.from(await x.data()) },
      { shape: indexShape, data: Float64Array.from(positions) },
      rows,
      axis,
    );
    const op = (t: typeof x, i: typeof index) => scatterAdd(t, i, rows, axis);
    const first = await op(x, index).data();
    assertClose(first, expected.data, { atol: 1e-5, rtol: 1e-5 });
    assert.equal(await op(x, index).data(), first);
    await checkCompiled(device(), "scatterAdd", op, [x, index]);
  }
});

test("many elements with indices of their own are sorted first", async () => {
  const random = new Random(2);
  const [shape, rows] = [[2, 2100, 3], 1300];
  const size = 2 * 2100 * 3;
  const positions = Array.from({ length: size }, () => random.integer(-5, rows + 5));
  const [x, index] = [
    tensor(device(), random.normals(size), shape),
    tensor(device(), positions, shape, { dtype: "i32" }),
  ];
  const expected = reference.scatterAddElements(
    { shape, data: Float64Array.from(await x.data()) },
    { shape, data: Float64Array.from(positions) },
    rows,
    1,
  );
  const y = await scatterAddElements(x, index, rows, 1).data();
  assertClose(y, expected.data, { atol: 1e-5, rtol: 1e-5 });
});

test("indices that do not fit", () => {
  const x = tensor(device(), new Float32Array(6), [2, 3]);
  const index = tensor(device(), [0, 1, 0], [3], { dtype: "i32" });
  assert.throws(() => gather(x, x), /gather's index takes i32, not f32/);
  assert.throws(() => scatterAdd(x, index, 4), /index \[3\] for \[2, 3\] at axis 0/);
  assert.throws(() => gatherElements(x, index, 0), /index \[3\] for \[2, 3\] along axis 0/);
  const wide = tensor(device(), new Int32Array(8), [2, 4], { dtype: "i32" });
  assert.throws(() => gatherElements(x, wide, 0), /no larger extents/);
  assert.throws(() => scatterAddElements(x, wide, 4, 0), /both must have one shape/);
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
