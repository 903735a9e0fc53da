import * as ops from "@retinaface-webgpu/tensor";
import { type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { reduceBy, sumOf } from "../../reference/reduce.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);

type Reduction = (x: Tensor, options?: ops.ReduceOptions) => Tensor;

const cases: Record<string, { op: Reduction; reference: (values: number[]) => number }> = {
  sum: { op: ops.sum, reference: sumOf },
  mean: { op: ops.mean, reference: (values) => sumOf(values) / values.length },
  sumSquares: { op: ops.sumSquares, reference: (values) => sumOf(values.map((v) => v * v)) },
  prod: { op: ops.prod, reference: (values) => values.reduce((a, b) => a * b, 1) },
  max: { op: ops.max, reference: (values) => Math.max(...values) },
  min: { op: ops.min, reference: (values) => Math.min(...values) },
};

const layouts: { shape: number[]; axes: number[] }[] = [
  { shape: [7], axes: [0] },
  { shape: [3, 5], axes: [] },
  { shape: [3, 2, 3, 64], axes: [0, 1, 2] },
  { shape: [1, 9, 11, 5], axes: [3] },
  { shape: [3, 4, 5, 3], axes: [1, 2] },
  { shape: [3, 4, 5, 3], axes: [0, 2] },
  { shape: [2, 1, 3, 2, 2, 3], axes: [0, 3, 5] },
  { shape: [3, 700], axes: [1] },
  { shape: [700, 3], axes: [0] },
];

for (const [name, { op, reference }] of Object.entries(cases)) {
  test(`${name} over any axes, and its gradient`, async () => {
    const tried = name === "sum" || name === "max" ? layouts : layouts.slice(0, 4);
    for (const [seed, { shape, axes }] of tried.entries()) {
      for (const keepDims of [false, true]) {
        await checkOp(device(), {
          name: `${name} of [${shape}] over [${axes}]`,
          inputs: [{ shape }],
          op: (x) => op(x, { axes, keepDims }),
          reference: (x) => reduceBy(x, axes, keepDims, reference),
          step: 1e-6,
          seed,
        });
      }
    }
  });
}

test("sums of a million elements are as accurate as their inputs", async () => {
  const values = new Random(3).uniforms(1_000_003, 0, 1).map((v) => v + 1000);
  values[500_000] = 1e7;
  const exact = sumOf([...values]);
  const x = tensor(device(), values, [values.length]);
  const y = ops.sum(x);
  assertClose([await y.item()], [exact], { rtol: 3e-7 });
  const columns = ops.sum(
    ops.reshape(tensor(device(), values.subarray(0, 999_999), [999_999]), [-1, 3]),
    {
      axes: [0],
    },
  );
  const expected = [0, 1, 2].map((c) =>
    sumOf([...values.subarray(0, 999_999)].filter((_, i) => i % 3 === c)),
  );
  assertClose(await columns.data(), expected, { rtol: 3e-7 });
  for (const t of [x, y, columns]) t.dispose();
});

test("elements that tie for the maximum share its gradient", async () => {
  const x = tensor(device(), [1, 5, 5, 2, 7, 0], [2, 3], { requiresGrad: true });
  ops.max(x, { axes: [1] }).backward(tensor(device(), [6, 9], [2]));
  assert.equal([...(await x.grad!.data())], [0, 3, 3, 0, 9, 0]);
});

test("argmax and argmin give the first of equal elements", async () => {
  const x = tensor(device(), [1, 5, 5, 2, -7, 0, 3, 3, -7], [3, 3]);
  assert.equal([...(await ops.argmax(x, 1).data())], [1, 0, 0]);
  assert.equal([...(await ops.argmin(x, -2).data())], [0, 1, 2]);
  assert.equal(ops.argmax(x, 1, true).shape, [3, 1]);
  const single = tensor(device(), [-5, -3], [2, 1], { dtype: "i32" });
  assert.equal([...(await ops.argmax(single, 0).data())], [1]);
});

test("integers, infinities and empty axes", async () => {
  const i = tensor(device(), [-5, -9, 2147483647, -2147483648], [2, 2], { dtype: "i32" });
  assert.equal([...(await ops.max(i, { axes: [1] }).data())], [-5, 2147483647]);
  assert.equal([...(await ops.min(i, { axes: [0] }).data())], [-5, -2147483648]);
  const u = tensor(device(), [4294967295, 7], [2], { dtype: "u32" });
  assert.is(await ops.max(u).item(), 4294967295);
  const f = tensor(device(), [Number.NEGATIVE_INFINITY, -3], [2]);
  assert.is(await ops.max(f).item(), -3);
  const empty = tensor(device(), [], [0, 3]);
  assert.equal([...(await ops.sum(empty, { axes: [0] }).data())], [0, 0, 0]);
  assert.throws(() => ops.sum(f, { axes: [0, -1] }), /repeat/);
  assert.throws(() => ops.mean(i), /mean takes f32/);
});

test("the gradient of a product of one zero, of two, and of none", async () => {
  await checkOp(device(), {
    name: "product with zeros",
    inputs: [{ shape: [4, 3], values: [2, -3, 0.5, 0, 1.5, -2, 0, 3, 0, -1, 0, 0] }],
    op: (x) => ops.prod(x, { axes: [-1] }),
    reference: (x) => reduceBy(x, [1], false, cases.prod.reference),
  });
});

test("long products, and integers that wrap around", async () => {
  const values = Array.from({ length: 3 * 1025 }, (_, i) => 1 + ((i % 7) - 3) / 500);
  const x = tensor(device(), values, [1025, 3]);
  const exact = [0, 1, 2].map((c) =>
    values.filter((_, i) => i % 3 === c).reduce((a, b) => a * Math.fround(b), 1),
  );
  assertClose(await ops.prod(x, { axes: [0] }).data(), exact, { rtol: 1e-4 });
  const i = tensor(device(), [65537, 65537, -3], [3], { dtype: "i32" });
  assert.is(await ops.prod(i).item(), Math.imul(Math.imul(65537, 65537), -3));
});

const nothing = {
  sum: { f32: 0, i32: 0, u32: 0 },
  prod: { f32: 1, i32: 1, u32: 1 },
  sumSquares: { f32: 0, i32: 0, u32: 0 },
  max: { f32: Number.NEGATIVE_INFINITY, i32: -2147483648, u32: 0 },
  min: { f32: Number.POSITIVE_INFINITY, i32: 2147483647, u32: 4294967295 },
};

test("reductions of no elements give what changes no result, the mean NaN; nothing flows back", async () => {
  for (const [name, expected] of Object.entries(nothing)) {
    const op = cases[name].op;
    for (const dtype of ["f32", "i32", "u32"] as const) {
      const x = tensor(device(), [], [2, 0, 3], { dtype, requiresGrad: dtype === "f32" });
      const all = (n: number) => new Array<number>(n).fill(expected[dtype]);
      const kept = op(x, { axes: [1], keepDims: true });
      assert.equal(kept.shape, [2, 1, 3]);
      assert.equal([...(await kept.data())], all(6), `${name} ${dtype}`);
      assert.equal([...(await op(x).data())], all(1), `${name} ${dtype} of all`);
      assert.equal(op(x, { axes: [0, 2] }).shape, [0]);
      if (dtype !== "f32") continue;
      kept.backward(tensor(device(), new Float32Array(6), [2, 1, 3]));
      assert.equal(x.grad?.shape, [2, 0, 3]);
    }
  }
  const means = await ops.mean(tensor(device(), [], [0, 5]), { axes: [0] }).data();
  assert.equal([...means], new Array(5).fill(Number.NaN));
  const sums = ops.logSumExp(tensor(device(), [], [3, 0]), 1);
  assert.equal([...(await sums.data())], new Array(3).fill(Number.NEGATIVE_INFINITY));
});

test("an empty list of axes reduces none", async () => {
  for (const [name, { op, reference }] of Object.entries(cases)) {
    for (const shape of [[], [5], [3, 1, 7]]) {
      await checkOp(device(), {
        name: `${name} of [${shape}] over []`,
        inputs: [{ shape }],
        op: (x) => op(x, { axes: [] }),
        reference: (x) => reduceBy(x, [], false, reference),
      });
    }
  }
});

test.run();
