/** Integers one operation at a time, in plans, and in plans of the engine for processors, against integers of any size. */

import type { Tensor } from "@retinaface-webgpu/tensor";
import * as t from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { useDevice } from "../../support/gpu.js";
import { Random } from "../../support/random.js";
import { WasmPlans } from "../../support/wasm-plans.js";

type Words = Int32Array | Uint32Array;
type Type = "i32" | "u32";

const device = useDevice(test);
const plans = new WasmPlans(test);

const wrap = (value: bigint, type: Type): number =>
  Number(type === "i32" ? BigInt.asIntN(32, value) : BigInt.asUintN(32, value));

const ENDS = [0, 1, -1, 3, -5, 46341, 2 ** 24 + 1, 2 ** 31 - 1, -(2 ** 31)];

function words(type: Type, seed: number, count: number): Words {
  const random = new Random(seed);
  const values = Int32Array.from({ length: count }, (_, i) =>
    i % 4 === 0 ? random.pick(ENDS) : random.integer(-(2 ** 31), 2 ** 31 - 1) >> (i % 31),
  );
  return type === "i32" ? values : new Uint32Array(values.buffer);
}

const truth = (holds: boolean) => (holds ? 1n : 0n);
const larger = (x: bigint, y: bigint) => (x > y ? x : y);
const smaller = (x: bigint, y: bigint) => (x < y ? x : y);
const quotient = (x: bigint, y: bigint) => (y === 0n ? x : x / y);
const over = (values: bigint[], fold: (a: bigint, b: bigint) => bigint) => values.reduce(fold);

type Cases = Readonly<
  Record<string, [run: (x: Tensor, y: Tensor) => Tensor, value: (x: bigint, y: bigint) => bigint]>
>;

/** [3, 5] beside a row [5]. */
const OF_TWO: Cases = {
  add: [t.add, (x, y) => x + y],
  sub: [t.sub, (x, y) => x - y],
  mul: [t.mul, (x, y) => x * y],
  div: [t.div, quotient],
  maximum: [t.maximum, larger],
  minimum: [t.minimum, smaller],
  equal: [t.equal, (x, y) => truth(x === y)],
  less: [t.less, (x, y) => truth(x < y)],
  lessEqual: [t.lessEqual, (x, y) => truth(x <= y)],
  greater: [t.greater, (x, y) => truth(x > y)],
  greaterEqual: [t.greaterEqual, (x, y) => truth(x >= y)],
  "on the left": [
    (x, y) => t.add(t.sub(7, x), t.div(1000003, y)),
    (x, y) => 7n - x + quotient(1000003n, y),
  ],
};

const ofOne = (type: Type): Cases => {
  const far = type === "i32" ? -(2 ** 31) : 2 ** 31 + 1;
  return {
    "add 16777217": [(x) => t.add(x, 16777217), (x) => x + 16777217n],
    "sub a far number": [(x) => t.sub(x, far), (x) => x - BigInt(far)],
    "mul 3": [(x) => t.mul(x, 3), (x) => x * 3n],
    "div 7": [(x) => t.div(x, 7), (x) => x / 7n],
    "equal 16777217": [(x) => t.equal(x, 16777217), (x) => truth(x === 16777217n)],
    "less 3": [(x) => t.less(x, 3), (x) => truth(x < 3n)],
    "3 less": [(x) => t.less(3, x), (x) => truth(x > 3n)],
    "lessEqual 3": [(x) => t.lessEqual(x, 3), (x) => truth(x <= 3n)],
    "greater 3": [(x) => t.greater(x, 3), (x) => truth(x > 3n)],
    "greaterEqual 3": [(x) => t.greaterEqual(x, 3), (x) => truth(x >= 3n)],
    maximum: [(x) => t.maximum(x, 5), (x) => larger(x, 5n)],
    clamp: [(x) => t.clamp(x, 2, 90), (x) => smaller(larger(x, 2n), 90n)],
    relu: [(x) => t.relu(x), (x) => larger(x, 0n)],
    abs: [(x) => t.abs(x), (x) => (x < 0n ? -x : x)],
    square: [(x) => t.square(x), (x) => x * x],
    "where it is 1": [
      (x) => t.where(t.equal(x, 1), t.neg(toInt(x)), toInt(x)),
      (x) => (x === 1n ? -x : x),
    ],
  };
};

/** `neg` takes signed integers. */
const toInt = (x: Tensor) => (x.dtype === "i32" ? x : t.cast(x, "i32"));

/** Over the last axis of [3, 5]. */
const OVER: Readonly<Record<string, [(x: Tensor) => Tensor, (row: bigint[]) => bigint]>> = {
  sum: [(x) => t.sum(x, { axes: [1] }), (row) => over(row, (a, b) => a + b)],
  sumSquares: [
    (x) => t.sumSquares(x, { axes: [1] }),
    (row) => over([0n, ...row], (a, b) => a + b * b),
  ],
  prod: [(x) => t.prod(x, { axes: [1] }), (row) => over(row, (a, b) => a * b)],
  max: [(x) => t.max(x, { axes: [1] }), (row) => over(row, larger)],
  min: [(x) => t.min(x, { axes: [1] }), (row) => over(row, smaller)],
};

const SHAPE = [3, 5];

for (const type of ["i32", "u32"] as const) {
  test(`${type}: eager, compiled and on processors alike`, async () => {
    const [x, y] = [words(type, 1, 15), words(type, 2, 5)];
    y.set([1, 3], 0);
    const pairs = Array.from(x, (v, i) => [BigInt(v), BigInt(y[i % 5])] as const);
    const rows = [0, 1, 2].map((r) => Array.from(x.subarray(r * 5, r * 5 + 5), BigInt));
    const elementwise = { ...OF_TWO, ...ofOne(type) };
    const names = [...Object.keys(elementwise), ...Object.keys(OVER), "triangle"];
    const forward = (a: Tensor, b: Tensor): Tensor[] => [
      ...Object.values(elementwise).map(([run]) => run(a, b)),
      ...Object.values(OVER).map(([run]) => run(a)),
      t.tril(a),
    ];
    const expected = [
      ...Object.values(elementwise).map(([, value]) => pairs.map(([v, w]) => value(v, w))),
      ...Object.values(OVER).map(([, fold]) => rows.map(fold)),
      pairs.map(([v], i) => (i % 5 <= Math.floor(i / 5) ? v : 0n)),
    ].map((values) => values.map((value) => wrap(value, type)));
    const check = (how: string, actual: readonly ArrayLike<number>[]) => {
      for (const [i, values] of actual.entries()) {
        const { buffer, byteOffset, length } = values as Int32Array<ArrayBuffer>;
        const array = type === "i32" ? Int32Array : Uint32Array;
        const own = [...new array(buffer, byteOffset, length)];
        assert.equal(own, expected[i], `${how}: ${names[i]} of ${type}`);
      }
    };
    const gpu = device();
    const [a, b] = [
      t.tensor(gpu, x, SHAPE, { dtype: type }),
      t.tensor(gpu, y, [5], { dtype: type }),
    ];
    check("eager", await Promise.all(forward(a, b).map((out) => out.data())));
    const infos = [
      { shape: SHAPE, dtype: type },
      { shape: [5], dtype: type },
    ];
    const plan = await t.compile(gpu, forward, infos);
    plan.run([a, b]);
    check("compiled", await Promise.all(plan.outputs.map(({ tensor }) => tensor.data())));
    plan.dispose();
    const inputs = [
      { shape: SHAPE, values: x },
      { shape: [5], values: y },
    ];
    check("processors", await plans.outputs(inputs, forward));
  });
}

test("integers of nothing", async () => {
  const inputs = [{ shape: [2, 0], values: new Int32Array(0) }];
  const outputs = await plans.outputs(inputs, (x) => [
    t.sum(x, { axes: [1] }),
    t.prod(x, { axes: [1] }),
  ]);
  assert.equal(
    outputs.map(({ buffer }) => [...new Int32Array(buffer)]),
    [
      [0, 0],
      [1, 1],
    ],
  );
});

test.run();
