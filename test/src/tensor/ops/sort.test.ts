import { argsort, sort, type Tensor, tensor, topk } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as reference from "../../reference/sort.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { Random } from "../../support/random.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

/** Values a hundredth apart, so that a finite difference swaps none of them. */
function apart(count: number): number[] {
  return new Random(5).shuffled(Array.from({ length: count }, (_, i) => i / 100 - 1));
}

const layouts = [
  { shape: [7], axis: 0 },
  { shape: [3, 5, 2], axis: 1 },
  { shape: [2, 1, 9], axis: 2 },
  { shape: [1, 6], axis: 0 },
  { shape: [2, 70], axis: 1 },
];

for (const { shape, axis } of layouts) {
  test(`sort and topk of [${shape}] along ${axis}: values and gradients`, async () => {
    const values = apart(shape.reduce((a, b) => a * b, 1));
    for (const descending of [false, true]) {
      await checkOp(device(), {
        name: `sort, descending ${descending}`,
        inputs: [{ shape, values }],
        op: (x) => sort(x, { axis, descending }).values,
        reference: (x) => reference.sort(x, axis, descending).values,
      });
      const take = Math.ceil(shape[axis] / 2);
      await checkOp(device(), {
        name: `topk, largest ${descending}`,
        inputs: [{ shape, values }],
        op: (x) => topk(x, take, { axis, largest: descending }).values,
        reference: (x) => reference.sort(x, axis, descending, take).values,
      });
    }
  });
}

test("positions of equal values keep their order, lines of any length, up and down", async () => {
  const random = new Random(3);
  for (const shape of [
    [2, 1, 3],
    [1, 1023, 2],
    [3, 1024, 1],
    [1, 1025, 1],
    [2, 5000, 1],
  ]) {
    const values = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () =>
      random.integer(-20, 20),
    );
    const x = tensor(device(), values, shape);
    const array = { shape, data: Float64Array.from(values) };
    for (const descending of [false, true]) {
      const expected = reference.sort(array, 1, descending);
      const sorted = sort(x, { axis: 1, descending });
      assert.equal([...(await sorted.indices.data())], [...expected.positions.data], `${shape}`);
      assert.equal([...(await sorted.values.data())], [...expected.values.data], `${shape}`);
    }
    const order = argsort(x, { axis: 1 });
    assert.equal([...(await order.data())], [...reference.sort(array, 1, false).positions.data]);
    x.dispose();
  }
});

test("infinities, NaN, −0 and denormals have their places", async () => {
  const values = [0, Number.NaN, -Infinity, 3e-39, -0, Infinity, -3e-39, -1, Number.NaN, 1];
  const x = tensor(device(), values, [10]);
  const up = await sort(x).indices.data();
  const down = await sort(x, { descending: true }).indices.data();
  assert.equal([...up], [2, 7, 6, 0, 4, 3, 9, 5, 1, 8]);
  assert.equal([...down], [1, 8, 5, 9, 3, 0, 4, 6, 7, 2]);
  assert.ok(Object.is((await sort(x).values.data())[4], -0));
});

test("integers of all their range", async () => {
  const signed = [5, -(2 ** 31), 2 ** 31 - 1, -1, 0, 5];
  const x = tensor(device(), signed, [6], { dtype: "i32" });
  const unsigned = tensor(device(), [7, 2 ** 32 - 1, 0, 2 ** 31], [4], { dtype: "u32" });
  assert.equal([...(await sort(x).values.data())], [-(2 ** 31), -1, 0, 5, 5, 2 ** 31 - 1]);
  assert.equal([...(await topk(x, 2).indices.data())], [2, 0]);
  assert.equal([...(await sort(unsigned, { descending: true }).indices.data())], [1, 3, 0, 2]);
});

test("no elements, none taken, compiled, and wrong arguments", async () => {
  const x = tensor(device(), [3, 1, 2, 5, 4, 6], [2, 3]);
  assert.equal(topk(x, 0).values.shape, [2, 0]);
  assert.equal(sort(tensor(device(), [], [0, 3]), { axis: 0 }).indices.shape, [0, 3]);
  await checkCompiled(device(), "topk", (t: Tensor) => topk(t, 2).values, [x]);
  throwsCode(() => topk(x, 4), "SHAPE", /4 of the 3 elements along axis 1 of \[2, 3\]/);
  throwsCode(() => topk(x, 1.5), "SHAPE", /integer/);
  throwsCode(() => sort(x, { dim: 1 } as object), "ARGUMENT", /no option "dim"/);
  throwsCode(() => sort(x, { axis: 2 }), "SHAPE", /sort/);
});

test.run();
