/** What computes with integers, and pools of volumes, for random networks. */
import {
  add,
  avgPool,
  cast,
  clamp,
  div,
  less,
  max,
  maximum,
  maxPool,
  mul,
  reshape,
  sub,
  sum,
  type Tensor,
  tensor,
} from "@retinaface-webgpu/tensor";
import type { NdArray } from "../../reference/array.js";
import { zip } from "../../reference/elementwise.js";
import { pool } from "../../reference/pool.js";
import type { Maker } from "./builder.js";

type Type = "i32" | "u32";

const wrap = (value: bigint, type: Type): bigint =>
  type === "i32" ? BigInt.asIntN(32, value) : BigInt.asUintN(32, value);

type Step = readonly [run: (x: Tensor, y: Tensor) => Tensor, of: (x: bigint, y: bigint) => bigint];

const larger = (x: bigint, y: bigint) => (x > y ? x : y);

const STEPS: Readonly<Record<string, Step>> = {
  add: [add, (x, y) => x + y],
  sub: [sub, (x, y) => x - y],
  mul: [mul, (x, y) => x * y],
  div: [div, (x, y) => (y === 0n ? x : x / y)],
  maximum: [maximum, larger],
  less: [less, (x, y) => (x < y ? 1n : 0n)],
  "7 less": [(x) => sub(7, x), (x) => 7n - x],
  thrice: [(x) => mul(x, 3), (x) => x * 3n],
};

/** An image times a row of integers that were computed, small in the end. */
export const counted: Maker = (b) => {
  const x = b.image();
  if (x === undefined) return;
  const channels = b.shapes[x][3];
  const type = b.random.pick<Type>(["i32", "u32"]);
  const draw = (count: number) => {
    const integer = () => b.random.integer(type === "i32" ? -9 : 0, 9);
    return Array.from({ length: count }, integer);
  };
  const [table, row] = [draw(3 * channels), draw(channels)];
  const steps = Array.from({ length: b.random.integer(1, 4) }, () =>
    b.random.pick(Object.keys(STEPS)),
  );
  const most = b.random.uniform() < 0.5;
  const low = type === "i32" ? -2 : 0;
  const run = (v: Tensor): Tensor => {
    const made = (values: number[], shape: number[]) =>
      tensor(v.device, values, shape, { dtype: type });
    const other = made(row, [channels]);
    let now = made(table, [3, channels]);
    for (const step of steps) now = STEPS[step][0](now, other);
    const joined = most ? max(now, { axes: [0] }) : sum(now, { axes: [0] });
    return mul(v, cast(clamp(joined, low, 2), "f32"));
  };
  const factors = row.map((second, c) => {
    const column = [0, 1, 2].map((r) =>
      steps.reduce(
        (now, step) => wrap(STEPS[step][1](now, BigInt(second)), type),
        BigInt(table[r * channels + c]),
      ),
    );
    const joined = wrap(column.reduce(most ? larger : (p, q) => p + q), type);
    return Math.min(Math.max(Number(joined), low), 2);
  });
  const factor: NdArray = { shape: [channels], data: Float64Array.from(factors) };
  const expect = (v: NdArray) => zip(v, factor, (p, q) => p * q);
  b.map(`times ${type}: ${steps}`, [x], b.shapes[x], run, expect);
};

/** An image as a volume one wide, pooled along its depth and height. */
export const deep: Maker = (b) => {
  const x = b.image(([, h, w]) => h >= 2 && w >= 2);
  if (x === undefined) return;
  const [n, h, w, c] = b.shapes[x];
  const most = b.random.uniform() < 0.5;
  const window = { kernel: [2, 2, 1], stride: [2, 2, 1] };
  const none = { dilation: [1, 1, 1], before: [0, 0, 0], after: [0, 0, 0] };
  const shape = [n, h >> 1, w >> 1, c];
  b.map(
    most ? "largest of a volume" : "means of a volume",
    [x],
    shape,
    (v) => {
      const options = { kernelSize: window.kernel, stride: window.stride };
      return reshape((most ? maxPool : avgPool)(reshape(v, [n, h, w, 1, c]), options), shape);
    },
    (v) => ({
      shape,
      data: pool({ shape: [n, h, w, 1, c], data: v.data }, { ...window, ...none }, (values) =>
        most ? Math.max(...values) : values.reduce((p, q) => p + q, 0) / values.length,
      ).data,
    }),
  );
};
