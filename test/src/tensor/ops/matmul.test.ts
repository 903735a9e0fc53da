import { matmul as matmulKernel } from "@retinaface-webgpu/kernels-wgsl";
import { compile, empty, matmul, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as reference from "../../reference/matmul.js";
import { assertClose } from "../../support/close.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { dense } from "../../support/plans.js";
import { Random } from "../../support/random.js";

const device = useDevice(test);

const extents = [
  { batchA: [], batchB: [], m: 3, k: 5, n: 7 },
  { batchA: [], batchB: [], m: 1, k: 64, n: 3 },
  { batchA: [3], batchB: [3], m: 5, k: 3, n: 1 },
  { batchA: [2, 1], batchB: [3], m: 4, k: 1, n: 8 },
  { batchA: [], batchB: [3], m: 33, k: 17, n: 35 },
];

for (const transposeA of [false, true]) {
  for (const transposeB of [false, true]) {
    test(`matmul, a ${transposeA ? "" : "not "}transposed, b ${transposeB ? "" : "not "}transposed`, async () => {
      for (const { batchA, batchB, m, k, n } of extents) {
        const a = [...batchA, ...(transposeA ? [k, m] : [m, k])];
        const b = [...batchB, ...(transposeB ? [n, k] : [k, n])];
        await checkOp(device(), {
          name: `[${a}] by [${b}]`,
          inputs: [{ shape: a }, { shape: b }],
          op: (x, y) => matmul(x, y, { transposeA, transposeB }),
          reference: (x, y) =>
            reference.matmul(
              transposeA ? reference.transposed(x) : x,
              transposeB ? reference.transposed(y) : y,
            ),
        });
      }
    });
  }
}

test("both variants agree with the reference over several tiles, in every layout", async () => {
  const [m, k, n] = [70, 35, 67];
  const random = new Random(2);
  const [a, b] = [random.normals(m * k), random.normals(k * n)];
  const batches = { batch: [], aBatchStrides: [], bBatchStrides: [] };
  for (const [transposeA, transposeB] of [
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ]) {
    const x = { shape: transposeA ? [k, m] : [m, k], data: Float64Array.from(a) };
    const y = { shape: transposeB ? [n, k] : [k, n], data: Float64Array.from(b) };
    const product = reference.matmul(
      transposeA ? reference.transposed(x) : x,
      transposeB ? reference.transposed(y) : y,
    );
    const [tx, ty] = [tensor(device(), a, x.shape), tensor(device(), b, y.shape)];
    for (const variant of ["tiled", "direct"] as const) {
      const result = empty(device(), [m, n]);
      const kernel = matmulKernel({ m, n, k, ...batches, transposeA, transposeB, variant });
      device().run(kernel, [tx.binding, ty.binding, result.binding]);
      assertClose(await result.data(), product.data, { atol: 1e-5, rtol: 1e-5, what: kernel.name });
    }
  }
});

test("a common axis of a hundred thousand loses no digits to a running sum", async () => {
  const k = 100_003;
  const values = new Random(9).uniforms(k, 0.5, 1.5);
  const a = tensor(device(), values, [1, k]);
  const b = tensor(device(), values, [k, 1]);
  const exact = values.reduce((sum, v) => sum + v * v, 0);
  assertClose(await matmul(a, b).data(), [exact], { rtol: 3e-6 });
});

test("a vector is a row on the left and a column on the right, and its axis goes", async () => {
  for (const [a, b, transposed] of [
    [[5], [5], false],
    [[1], [1], false],
    [[5], [5, 7], false],
    [[5], [7, 5], true],
    [[3, 5], [5], false],
    [[2, 3, 5], [5], false],
    [[5], [2, 1, 5, 3], false],
    [[67], [67, 33], false],
  ] as const) {
    const row = a.length === 1;
    const column = b.length === 1;
    await checkOp(device(), {
      name: `[${a}] by [${b}]`,
      inputs: [{ shape: a }, { shape: b }],
      op: (x, y) => matmul(x, y, { transposeB: transposed }),
      reference: (x, y) => {
        const left = row ? { ...x, shape: [1, a[0]] } : x;
        const right = column ? { ...y, shape: [b[0], 1] } : y;
        const full = reference.matmul(left, transposed ? reference.transposed(right) : right);
        const lead = full.shape.slice(0, -2);
        const [m, n] = full.shape.slice(-2);
        return { ...full, shape: [...lead, ...(row ? [] : [m]), ...(column ? [] : [n])] };
      },
    });
  }
});

test("a plan multiplies by vectors", async () => {
  const weight = tensor(device(), [1, -2, 3, 0.5, 4, -1], [3, 2]);
  const forward = (x: Tensor) => matmul(matmul(weight, x), tensor(device(), [2, 1, -1], [3]));
  const plan = await compile(device(), forward, [{ shape: [2], dtype: "f32" }]);
  plan.inputs[0].write([3, 5]);
  plan.run();
  // [1·3 − 2·5, 3·3 + 0.5·5, 4·3 − 1·5] · [2, 1, −1]
  assert.equal([...(await dense(plan.outputs))], [2 * -7 + 11.5 - 7]);
  plan.dispose();
});

test("matrices that do not fit", () => {
  const a = tensor(device(), new Float32Array(6), [2, 3]);
  const b = tensor(device(), new Float32Array(6), [2, 3]);
  assert.throws(() => matmul(a, b), /matmul: \[2, 3\] by \[2, 3\]: 3 and 2 differ/);
  const vector = tensor(device(), [1, 2, 3], [3]);
  assert.throws(() => matmul(a, tensor(device(), [1], [])), /at least one axis/);
  assert.throws(() => matmul(vector, a, { transposeA: true }), /at least two axes/);
  assert.throws(() => matmul(vector, a), /3 and 2 differ/);
});

test.run();
