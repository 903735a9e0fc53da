import * as ops from "@retinaface-webgpu/tensor";
import { type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { zip } from "../../reference/elementwise.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";

const device = useDevice(test);

interface BinaryCase {
  readonly op: (a: Tensor, b: Tensor) => Tensor;
  readonly reference: (u: number, v: number) => number;
  /** Range of both operands. */
  readonly low?: number;
  readonly high?: number;
  readonly gradient?: boolean;
  /** Try every pair of shapes, both ways round; without, the first two. */
  readonly thorough?: boolean;
}

const truth = (condition: boolean) => (condition ? 1 : 0);

const cases: Record<string, BinaryCase> = {
  add: { op: ops.add, reference: (u, v) => u + v },
  sub: { op: ops.sub, reference: (u, v) => u - v },
  mul: { op: ops.mul, reference: (u, v) => u * v, thorough: true },
  div: { op: ops.div, reference: (u, v) => u / v, low: 0.4, high: 3 },
  pow: { op: ops.pow, reference: (u, v) => u ** v, low: 0.4, high: 2 },
  maximum: { op: ops.maximum, reference: Math.max },
  minimum: { op: ops.minimum, reference: Math.min },
  prelu: { op: ops.prelu, reference: (u, v) => (u > 0 ? u : u * v) },
  equal: { op: ops.equal, reference: (u, v) => truth(u === v), gradient: false },
  less: { op: ops.less, reference: (u, v) => truth(u < v), gradient: false },
  lessEqual: { op: ops.lessEqual, reference: (u, v) => truth(u <= v), gradient: false },
  greater: { op: ops.greater, reference: (u, v) => truth(u > v), gradient: false },
  greaterEqual: { op: ops.greaterEqual, reference: (u, v) => truth(u >= v), gradient: false },
};

const shapePairs: [number[], number[]][] = [
  [
    [3, 5],
    [3, 5],
  ],
  [[3, 2, 3, 64], [64]],
  [[1, 4, 3, 3], [3]],
  [
    [2, 1, 5],
    [4, 1],
  ],
  [[], [2, 3]],
  [
    [3, 4, 1, 8],
    [1, 4, 2, 8],
  ],
  [
    [2, 1, 3, 1, 2, 1],
    [1, 2, 1, 3, 1, 4],
  ],
];

for (const [name, { op, reference, ...options }] of Object.entries(cases)) {
  const { low = -2, high = 2, gradient = true, thorough = false } = options;
  test(`${name} with broadcasting, and its gradients`, async () => {
    for (const [seed, pair] of shapePairs.slice(0, thorough ? undefined : 2).entries()) {
      const [p, q] = pair;
      const ways = thorough ? [pair, [q, p]] : [pair];
      for (const [a, b] of ways) {
        await checkOp(device(), {
          name: `${name} [${a}] and [${b}]`,
          inputs: [a, b].map((shape) => ({ shape, values: { low, high }, gradient })),
          op,
          reference: (x, y) => zip(x, y, reference),
          step: 1e-5,
          seed,
        });
      }
    }
  });
}

test("powers of negative numbers by whole exponents, and of zero", async () => {
  const a = tensor(device(), [-2, -2, -2, 0, 0, -1.5, 3], [7]);
  const b = tensor(device(), [3, 2, -1, 0, 2, 1, 0], [7]);
  const y = ops.pow(a, b);
  const expected = [-8, 4, -0.5, 1, 0, -1.5, 1];
  for (const [i, v] of (await y.data()).entries()) assert.ok(Math.abs(v - expected[i]) < 1e-5);
  for (const t of [a, b, y]) t.dispose();
});

test("a fractional power of a negative number is not a number", async () => {
  const a = tensor(device(), [-2, -0.5, 4], [3]);
  const b = tensor(device(), [0.5, 1.5, 0.5], [3]);
  const y = ops.pow(a, b);
  const values = await y.data();
  assert.ok(Number.isNaN(values[0]) && Number.isNaN(values[1]));
  assert.ok(Math.abs(values[2] - 2) < 1e-5);
  for (const t of [a, b, y]) t.dispose();
});

test("operands that tie share the gradient of maximum", async () => {
  const a = tensor(device(), [1, 2, 3], [3], { requiresGrad: true });
  const b = tensor(device(), [1, 0, 4], [3], { requiresGrad: true });
  const y = ops.maximum(a, b);
  y.backward(tensor(device(), [8, 8, 8], [3]));
  assert.equal([...(await a.grad!.data())], [4, 8, 0]);
  assert.equal([...(await b.grad!.data())], [4, 0, 8]);
});

test("integers, and what does not fit", async () => {
  const a = tensor(device(), [7, -7, 2147483647], [3], { dtype: "i32" });
  const b = tensor(device(), [2, 2, 1], [3], { dtype: "i32" });
  assert.equal([...(await ops.div(a, b).data())], [3, -3, 2147483647]);
  assert.equal([...(await ops.less(b, a).data())], [1, 0, 1]);
  const c = tensor(device(), [1, 2], [2], { dtype: "i32" });
  assert.throws(() => ops.add(a, c), /add: \[3\] and \[2\] do not broadcast/);
  const f = tensor(device(), [1, 2, 3], [3]);
  assert.throws(() => ops.mul(a, f), /mul: element types i32 and f32 differ/);
});

test.run();
