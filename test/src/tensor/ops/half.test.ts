/** Sums and products of half precision: computed in single, rounded once. */
import * as ops from "@retinaface-webgpu/tensor";
import { Device, type Tensor, tensor, tidy } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { assertClose } from "../../support/close.js";
import { halfTest } from "../../support/half.js";
import { Random } from "../../support/random.js";

let device: Device;
test.before(async () => {
  device = await Device.create();
});
test.after(() => device.destroy());

/** Normal numbers as f16, and what they were rounded to. */
async function half(seed: number, shape: readonly number[]) {
  const size = shape.reduce((a, b) => a * b, 1);
  const x = tensor(device, new Random(seed).normals(size), shape);
  const h = ops.cast(x, "f16");
  return { h, values: (await ops.cast(h, "f32").data()) as Float32Array };
}

/** The values of an f16 tensor. */
async function read(x: Tensor): Promise<Float32Array> {
  assert.is(x.dtype, "f16");
  return (await tidy(() => ops.cast(x, "f32")).data()) as Float32Array;
}

const rounding = { rtol: 1e-3, atol: 1e-3 };

halfTest(test, "a long sum does not stand still where f16 would", async () => {
  const x = ops.cast(ops.full(device, [5000], 0.1), "f16");
  const total = 5000 * (await read(x))[0];
  assertClose(await read(ops.sum(x)), [total], { atol: 0.25 });
  assertClose(await read(ops.mean(x)), [total / 5000], { atol: 1e-4 });
});

halfTest(test, "reductions over inner and outer axes, and their gradients", async () => {
  const shape = [3, 70, 5];
  const { h, values } = await half(1, shape);
  const column = (i: number, k: number) =>
    Array.from({ length: 70 }, (_, j) => values[(i * 70 + j) * 5 + k]);
  const over = (fn: (line: number[]) => number) =>
    Array.from({ length: 15 }, (_, n) => fn(column(Math.floor(n / 5), n % 5)));
  const total = (line: number[]) => line.reduce((a, b) => a + b, 0);
  const axes = { axes: [1] };
  assertClose(await read(ops.sum(h, axes)), over(total), rounding);
  assertClose(
    await read(ops.sumSquares(h, axes)),
    over((l) => total(l.map((v) => v * v))),
    rounding,
  );
  assertClose(
    await read(ops.max(h, axes)),
    over((line) => Math.max(...line)),
  );
  assertClose(
    await read(ops.min(h, axes)),
    over((line) => Math.min(...line)),
  );
  const leaf = tensor(device, values, shape, { requiresGrad: true });
  ops.cast(ops.mean(ops.cast(leaf, "f16")), "f32").backward();
  assertClose(await leaf.grad!.data(), new Array(1050).fill(1 / 1050), { rtol: 2e-3 });
});

halfTest(test, "products of matrices, both ways round, and their gradients", async () => {
  for (const [m, k, n] of [
    [3, 5, 2],
    [40, 300, 36],
    [1, 7, 1],
  ]) {
    const a = await half(2, [2, m, k]);
    const b = await half(3, [n, k]);
    const expected = Array.from({ length: 2 * m * n }, (_, i) => {
      const [row, column] = [Math.floor(i / n), i % n];
      let sum = 0;
      for (let j = 0; j < k; j++) sum += a.values[row * k + j] * b.values[column * k + j];
      return sum;
    });
    const y = await read(ops.matmul(a.h, b.h, { transposeB: true }));
    assertClose(y, expected, { rtol: 1e-3, atol: 2e-2 });
    const leaf = tensor(device, b.values, [n, k], { requiresGrad: true });
    ops
      .cast(ops.sum(ops.matmul(a.h, ops.cast(leaf, "f16"), { transposeB: true })), "f32")
      .backward();
    const sums = Array.from({ length: k }, (_, j) => {
      let sum = 0;
      for (let row = 0; row < 2 * m; row++) sum += a.values[row * k + j];
      return sum;
    });
    const gradient = await leaf.grad!.data();
    for (let r = 0; r < n; r++) {
      assertClose(gradient.subarray(r * k, r * k + k), sums, { rtol: 4e-3, atol: 4e-2 });
    }
  }
  const [x, y] = [(await half(1, [2, 2])).h, tensor(device, [1, 2, 3, 4], [2, 2])];
  assert.throws(() => ops.matmul(x, y), /element types f16 and f32 differ/);
});

test.run();
