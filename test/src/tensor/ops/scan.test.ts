/** Cumulative sums, triangles, rows of ones, and tensors that are made of counting. */
import * as ops from "@retinaface-webgpu/tensor";
import { tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { at, build } from "../../reference/array.js";
import { assertClose } from "../../support/close.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

for (const axis of [0, 1, -1]) {
  test(`cumsum along ${axis}: values, gradient, compiled`, async () => {
    const shape = [3, 37, 2];
    const place = axis < 0 ? 2 : axis;
    await checkOp(device(), {
      name: `cumsum ${axis}`,
      inputs: [{ shape }],
      op: (x) => ops.cumsum(x, axis),
      reference: (x) =>
        build(shape, (index) => {
          let sum = 0;
          for (let k = 0; k <= index[place]; k++) {
            sum += at(x, ...index.map((i, n) => (n === place ? k : i)));
          }
          return sum;
        }),
    });
    const x = tensor(
      device(),
      Float32Array.from({ length: 222 }, (_, i) => Math.sin(i)),
      shape,
    );
    await checkCompiled(device(), "cumsum", (t) => ops.cumsum(t, axis), [x]);
    x.dispose();
  });
}

test("cumsum of integers, and of a long line of ones", async () => {
  const x = tensor(device(), [3, -1, 4, 0, 5], [5], { dtype: "i32" });
  const ones = ops.ones(device(), [100000]);
  const [y, long] = tidy(() => [ops.cumsum(x, 0), ops.cumsum(ones, 0)]);
  assert.equal([...(await y.data())], [3, 2, 6, 6, 11]);
  const sums = await long.data();
  assert.equal([sums[0], sums[31], sums[32], sums[99999]], [1, 32, 33, 100000]);
  for (const t of [x, ones, y, long]) t.dispose();
});

for (const [name, op, keeps] of [
  ["tril", ops.tril, (beyond: number) => beyond <= 0],
  ["triu", ops.triu, (beyond: number) => beyond >= 0],
] as const) {
  for (const diagonal of [0, 1, -2]) {
    test(`${name} with diagonal ${diagonal}`, async () => {
      await checkOp(device(), {
        name,
        inputs: [{ shape: [2, 4, 3] }],
        op: (x) => op(x, diagonal),
        reference: (x) =>
          build([2, 4, 3], (i) => (keeps(i[2] - i[1] - diagonal) ? at(x, ...i) : 0)),
      });
    });
  }
}

test("what a triangle leaves out is 0, also where it was NaN", async () => {
  const x = tensor(device(), [1, Number.NaN, 2, 3], [2, 2]);
  const y = tidy(() => ops.tril(x));
  assert.equal([...(await y.data())], [1, 0, 2, 3]);
  throwsCode(() => ops.tril(ops.reshape(x, [4])), "SHAPE", /matrices/);
  await checkCompiled(device(), "triu", (t) => ops.triu(t), [y]);
  x.dispose();
  y.dispose();
});

test("oneHot has a one at each label, and none at what is no class", async () => {
  const labels = tensor(device(), [2, 0, -1, 3, 1, 1], [2, 3], { dtype: "i32" });
  const y = tidy(() => ops.oneHot(labels, 3));
  assert.equal(y.shape, [2, 3, 3]);
  const rows = [
    [0, 0, 1],
    [1, 0, 0],
    [0, 0, 0],
    [0, 0, 0],
    [0, 1, 0],
    [0, 1, 0],
  ];
  assert.equal([...(await y.data())], rows.flat());
  throwsCode(() => ops.oneHot(y, 3), "DTYPE", /i32/);
  throwsCode(() => ops.oneHot(labels, 0), "ARGUMENT", /at least 1/);
  labels.dispose();
  y.dispose();
});

test("arange and eye", async () => {
  const cases: [number[], number[]][] = [
    [[4], [0, 1, 2, 3]],
    [
      [2, 5],
      [2, 3, 4],
    ],
    [
      [5, 0, -2],
      [5, 3, 1],
    ],
    [
      [0, 1, 0.25],
      [0, 0.25, 0.5, 0.75],
    ],
    [[3, 3], []],
  ];
  for (const [args, expected] of cases) {
    const y = ops.arange(device(), ...(args as [number]));
    assertClose(await y.data(), expected, { atol: 1e-6 });
    y.dispose();
  }
  const integers = ops.arange(device(), 3, undefined, 1, { dtype: "i32" });
  assert.equal([...(await integers.data())], [0, 1, 2]);
  throwsCode(() => ops.arange(device(), 0, 1, 0), "ARGUMENT", /no end/);
  const [square, wide] = [ops.eye(device(), 2), ops.eye(device(), 2, 3)];
  assert.equal([...(await square.data())], [1, 0, 0, 1]);
  assert.equal([...(await wide.data())], [1, 0, 0, 0, 1, 0]);
  for (const t of [integers, square, wide]) t.dispose();
});

test.run();
