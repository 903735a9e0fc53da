import { sparseMatmul, type Tensor, tensor } from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import { at, build, type NdArray } from "../../reference/array.js";
import { checkCompiled } from "../../support/compiled.js";
import { useDevice } from "../../support/gpu.js";
import { checkOp } from "../../support/op-check.js";
import { Random } from "../../support/random.js";
import { throwsCode } from "../../support/throws.js";

const device = useDevice(test);

/** Row starts and columns of a random matrix in which some rows are empty and some hold a column twice. */
function pattern(rows: number, columns: number, seed: number) {
  const random = new Random(seed);
  const counts = Array.from({ length: rows }, (_, r) => (r % 3 === 1 ? 0 : random.integer(1, 6)));
  const crow = [0];
  for (const count of counts) crow.push(crow[crow.length - 1] + count);
  const col = Array.from({ length: crow[rows] }, () => random.integer(0, columns - 1));
  return { crow, col };
}

function product(crow: readonly number[], col: readonly number[], values: NdArray, dense: NdArray) {
  return build([crow.length - 1, dense.shape[1]], ([r, c]) => {
    let sum = 0;
    for (let k = crow[r]; k < crow[r + 1]; k++) sum += values.data[k] * at(dense, col[k], c);
    return sum;
  });
}

for (const [rows, columns, width] of [
  [5, 7, 3],
  [8, 4, 8],
  [1, 1, 1],
  [60, 40, 5],
]) {
  test(`sparse [${rows}, ${columns}] by [${columns}, ${width}]: values and gradients`, async () => {
    const { crow, col } = pattern(rows, columns, rows);
    const [crowIndices, colIndices] = [crow, col].map((v) =>
      tensor(device(), v, [v.length], { dtype: "i32" }),
    );
    const op = (values: Tensor, dense: Tensor) =>
      sparseMatmul({ crowIndices, colIndices, values, size: [rows, columns] }, dense);
    await checkOp(device(), {
      name: "sparseMatmul",
      inputs: [{ shape: [col.length] }, { shape: [columns, width] }],
      op,
      reference: (values, dense) => product(crow, col, values, dense),
    });
    const random = new Random(1);
    const inputs = [[col.length], [columns, width]].map((shape) =>
      tensor(device(), random.normals(shape.reduce((a, b) => a * b, 1)), shape),
    );
    await checkCompiled(device(), "sparseMatmul", op, inputs);
  });
}

test("where the transposed matrix is at hand the gradient is a product by it", async () => {
  const { crow, col } = pattern(9, 6, 4);
  const values = new Random(3).normals(col.length);
  const entries = crow
    .slice(1)
    .flatMap((end, r) =>
      col.slice(crow[r], end).map((c, k) => ({ r, c, value: values[crow[r] + k] })),
    );
  const turned = [...entries].sort((a, b) => a.c - b.c);
  const starts = Array.from({ length: 7 }, (_, c) => turned.filter((e) => e.c < c).length);
  const upload = (
    rows: readonly number[],
    columns: readonly number[],
    numbers: ArrayLike<number>,
  ) => ({
    crowIndices: tensor(device(), rows, [rows.length], { dtype: "i32" }),
    colIndices: tensor(device(), columns, [columns.length], { dtype: "i32" }),
    values: tensor(device(), numbers, [numbers.length]),
  });
  const rows = turned.map(({ r }) => r);
  const other = upload(
    starts,
    rows,
    turned.map(({ value }) => value),
  );
  const transposed = { ...other, size: [6, 9] as const };
  const sparse = { ...upload(crow, col, values), size: [9, 6] as const, transposed };
  const own = { shape: [col.length], data: Float64Array.from(values) };
  await checkOp(device(), {
    name: "sparseMatmul",
    inputs: [{ shape: [6, 5] }],
    op: (dense) => sparseMatmul(sparse, dense),
    reference: (dense) => product(crow, col, own, dense),
  });
  const dense = tensor(device(), new Float32Array(30), [6, 5]);
  const wrong = { ...transposed, size: [5, 9] as const };
  throwsCode(() => sparseMatmul({ ...sparse, transposed: wrong }, dense), "SHAPE", /\[rows \+ 1\]/);
  const parameters = tensor(device(), values, [values.length], { requiresGrad: true });
  throwsCode(() => sparseMatmul({ ...sparse, values: parameters }, dense), "ARGUMENT", /leave/);
});

test("what does not fit is an error", () => {
  const i32 = { dtype: "i32" } as const;
  const crowIndices = tensor(device(), [0, 1, 2], [3], i32);
  const colIndices = tensor(device(), [0, 2], [2], i32);
  const values = tensor(device(), [1, 2], [2]);
  const sparse = { crowIndices, colIndices, values, size: [2, 3] as [number, number] };
  const dense = tensor(device(), new Float32Array(6), [3, 2]);
  throwsCode(() => sparseMatmul(sparse, values), "SHAPE", /must be \[3, m\]/);
  throwsCode(() => sparseMatmul({ ...sparse, size: [3, 3] }, dense), "SHAPE", /\[rows \+ 1\]/);
  throwsCode(() => sparseMatmul({ ...sparse, colIndices: values }, dense), "DTYPE", /i32/);
  throwsCode(() => sparseMatmul({ ...sparse, rows: 2 } as never, dense), "ARGUMENT", /"rows"/);
});

test.run();
