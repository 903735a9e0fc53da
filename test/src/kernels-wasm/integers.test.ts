/** Maps and reductions of integers, against integers of any size. */
import { type MapFunction, map, type ReduceSpec, reduce } from "@retinaface-webgpu/kernels-wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../support/random.js";
import { runWasm, runWasmSteps } from "../support/wasm.js";

type Words = Int32Array | Uint32Array;
type Signed = "i32" | "u32";

/** A result as a word of a type: what does not fit wraps around. */
const wrap = (value: bigint, type: Signed): number =>
  Number(type === "i32" ? BigInt.asIntN(32, value) : BigInt.asUintN(32, value));

const ENDS = [0, 1, -1, 2, -2, 7, -7, 46341, -46341, 2 ** 24 + 1, 2 ** 31 - 1, -(2 ** 31)];

/** Words of any size, small ones and the ends of the range among them. */
function words(type: Signed, seed: number, count: number): Words {
  const random = new Random(seed);
  const values = Int32Array.from({ length: count }, (_, i) => {
    if (i % 3 === 0) return random.pick(ENDS);
    return random.integer(-(2 ** 31), 2 ** 31 - 1) >> random.integer(0, 31);
  });
  return type === "i32" ? values : new Uint32Array(values.buffer);
}

const as = (type: Signed, values: Float32Array): Words =>
  type === "i32" ? new Int32Array(values.buffer) : new Uint32Array(values.buffer);

const quotient = (x: bigint, y: bigint) => (y === 0n ? x : x / y);
const larger = (x: bigint, y: bigint) => (x > y ? x : y);
const smaller = (x: bigint, y: bigint) => (x < y ? x : y);
const truth = (holds: boolean) => (holds ? 1n : 0n);

type Value = (x: bigint, y: bigint) => bigint;

const FUNCTIONS: readonly [kind: MapFunction, types: readonly Signed[], value: Value][] = [
  ["addIntegers", ["i32", "u32"], (x, y) => x + y],
  ["subtractIntegers", ["i32", "u32"], (x, y) => x - y],
  ["multiplyIntegers", ["i32", "u32"], (x, y) => x * y],
  ["equalIntegers", ["i32", "u32"], (x, y) => truth(x === y)],
  ["absoluteIntegers", ["i32"], (x) => (x < 0n ? -x : x)],
  ["signOfIntegers", ["i32"], (x) => truth(x > 0n) - truth(x < 0n)],
  ["maximumIntegers", ["i32"], larger],
  ["minimumIntegers", ["i32"], smaller],
  ["lessIntegers", ["i32"], (x, y) => truth(x < y)],
  ["lessEqualIntegers", ["i32"], (x, y) => truth(x <= y)],
  ["divideIntegers", ["i32"], quotient],
  ["maximumUnsigned", ["u32"], larger],
  ["minimumUnsigned", ["u32"], smaller],
  ["lessUnsigned", ["u32"], (x, y) => truth(x < y)],
  ["lessEqualUnsigned", ["u32"], (x, y) => truth(x <= y)],
  ["divideUnsigned", ["u32"], quotient],
];

for (const [kind, types, value] of FUNCTIONS) {
  test(`${kind} of two tensors, and of a tensor and a number on either side`, async () => {
    const count = 131;
    const dense = { strides: [1] };
    const base = { kind, shape: [count], output: dense };
    for (const type of types) {
      const [x, y] = [words(type, 1, count), words(type, 2, count)];
      y.set(x.subarray(0, 9));
      const expected = (of: (i: number) => [bigint, bigint]) =>
        Array.from(x, (_, i) => wrap(value(...of(i)), type));
      const both = map({ ...base, operands: [dense, dense] });
      const two = await runWasm(both, { x, y, output: count });
      assert.equal(
        [...as(type, two)],
        expected((i) => [BigInt(x[i]), BigInt(y[i])]),
        type,
      );
      for (const number of [...words(type, 3, 4)]) {
        const right = map({ ...base, operands: [dense, undefined], p: number | 0 });
        assert.equal(
          [...as(type, await runWasm(right, { x, output: count }))],
          expected((i) => [BigInt(x[i]), BigInt(number)]),
          `${type}, ${number}`,
        );
        if (value.length < 2) continue;
        const left = map({ ...base, operands: [undefined, dense], p: number | 0 });
        assert.equal(
          [...as(type, await runWasm(left, { y, output: count }))],
          expected((i) => [BigInt(number), BigInt(y[i])]),
          `${number}, ${type}`,
        );
      }
    }
  });
}

const JOINED: Record<Exclude<ReduceSpec["kind"], "mean">, (values: bigint[]) => bigint> = {
  sum: (values) => values.reduce((a, b) => a + b, 0n),
  sumSquares: (values) => values.reduce((a, b) => a + b * b, 0n),
  maximum: (values) => values.reduce(larger),
  minimum: (values) => values.reduce(smaller),
  product: (values) => values.reduce((a, b) => BigInt.asIntN(64, a * b), 1n),
};

const REDUCTIONS: readonly [shape: number[], axes: number[]][] = [
  [[40013], [0]],
  [[3, 5, 7], [1]],
  [
    [3, 5, 7],
    [0, 2],
  ],
  [
    [200, 9, 33],
    [0, 1],
  ],
  [[4, 6], []],
];

for (const kind of Object.keys(JOINED) as (keyof typeof JOINED)[]) {
  test(`${kind} of integers over axes`, async () => {
    for (const [shape, axes] of REDUCTIONS) {
      const size = shape.reduce((a, b) => a * b, 1);
      for (const type of ["i32", "u32"] as const) {
        const input = words(type, shape.length, size);
        // Odd factors, so that a product of many does not end in zeros alone.
        if (kind === "product") for (const i of input.keys()) input[i] |= 1;
        const groups = new Map<string, bigint[]>();
        for (const [i, word] of input.entries()) {
          let rest = i;
          const index = shape.map(() => 0);
          for (let axis = shape.length - 1; axis >= 0; axis--) {
            index[axis] = rest % shape[axis];
            rest = Math.floor(rest / shape[axis]);
          }
          const key = index.filter((_, axis) => !axes.includes(axis)).join();
          const group = groups.get(key);
          if (group) group.push(BigInt(word));
          else groups.set(key, [BigInt(word)]);
        }
        const { segments, merge, partialBytes } = reduce({ kind, shape, axes, type });
        const { output } = await runWasmSteps([segments, merge], {
          input,
          partial: partialBytes / 4,
          output: groups.size,
        });
        const expected = [...groups.values()].map((values) => wrap(JOINED[kind](values), type));
        assert.equal([...as(type, output)], expected, `${type} [${shape}] over ${axes}`);
      }
    }
  });
}

test.run();
