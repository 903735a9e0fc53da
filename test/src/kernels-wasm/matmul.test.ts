import {
  gather,
  type Kernel,
  matmul,
  packPanels,
  panels,
  panelsLength,
  triangle,
} from "@retinaface-webgpu/kernels-wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "../reference/array.js";
import * as reference from "../reference/gather.js";
import { assertClose } from "../support/close.js";
import { Random } from "../support/random.js";
import { runWasm } from "../support/wasm.js";

const numbers = (seed: number, count: number) => new Random(seed).normals(count);

for (const [batch, rows, depth, columns] of [
  [1, 1, 1, 1],
  [1, 5, 7, 8],
  [2, 13, 3, 9],
  [3, 4, 33, 30],
  [1, 70, 64, 65],
]) {
  for (const transposed of [false, true]) {
    test(`${batch} products ${rows}×${depth}×${columns}, transposed ${transposed}`, async () => {
      const [a, b] = [numbers(1, batch * rows * depth), numbers(2, batch * depth * columns)];
      const expected = build([batch, rows, columns], ([n, r, c]) => {
        let sum = 0;
        for (let k = 0; k < depth; k++) {
          const at = transposed ? c * depth + k : k * columns + c;
          sum += a[(n * rows + r) * depth + k] * b[n * depth * columns + at];
        }
        return sum;
      });
      const spec = { batch, rows: depth, columns, transposed };
      const packed = await runWasm(panels(spec), { input: b, output: panelsLength(spec) });
      assert.equal(packed, packPanels(spec, b));
      const kernel = matmul({ batch, rows, depth, columns });
      const y = await runWasm(kernel, { a, panels: packed, output: batch * rows * columns });
      assertClose(y, expected.data, { rtol: 1e-5, atol: 1e-5 });
    });
  }
}

test("one operand for all products", async () => {
  const [batch, rows, depth, columns] = [3, 5, 6, 7];
  const [one, many] = [numbers(1, rows * depth), numbers(2, batch * rows * depth)];
  const b = numbers(3, batch * depth * columns);
  const shared = packPanels({ batch: 1, rows: depth, columns, transposed: false }, b);
  const each = packPanels({ batch, rows: depth, columns, transposed: false }, b);
  const spec = { batch, rows, depth, columns };
  const run = (kernel: Kernel, a: Float32Array, panels: Float32Array) =>
    runWasm(kernel, { a, panels, output: batch * rows * columns });
  const product = (a: Float32Array, aStep: number, bStep: number) =>
    build([batch, rows, columns], ([n, r, c]) => {
      let sum = 0;
      for (let k = 0; k < depth; k++) {
        sum += a[n * aStep + r * depth + k] * b[n * bStep + k * columns + c];
      }
      return sum;
    }).data;
  const tolerance = { rtol: 1e-5, atol: 1e-5 };
  const withA = await run(matmul({ ...spec, sharedA: true }), one, each);
  assertClose(withA, product(one, 0, depth * columns), tolerance);
  const withB = await run(matmul({ ...spec, sharedB: true }), many, shared);
  assertClose(withB, product(many, rows * depth, 0), tolerance);
});

test("rows by index: from the end, out of range, in the middle of a tensor", async () => {
  for (const [outer, extent, inner] of [
    [1, 5, 3],
    [2, 4, 8],
    [3, 1, 1],
  ]) {
    const index = Int32Array.of(0, -1, extent, -extent - 1, extent - 1, 0);
    const x = numbers(4, outer * extent * inner);
    const expected = reference.gather(
      { shape: [outer, extent, inner], data: Float64Array.from(x) },
      { shape: [6], data: Float64Array.from(index) },
      1,
    );
    const kernel = gather({ outer, extent, inner, indices: 6 });
    const y = await runWasm(kernel, { input: x, index, output: outer * 6 * inner });
    assert.equal([...y], [...expected.data]);
  }
});

test("triangles; what is outside is 0, also where it was NaN", async () => {
  for (const side of ["lower", "upper"] as const) {
    for (const diagonal of [0, 1, -2]) {
      const [batch, rows, columns] = [2, 4, 5];
      const x = numbers(5, batch * rows * columns);
      const outside = (r: number, c: number) =>
        side === "lower" ? c - r > diagonal : c - r < diagonal;
      const expected = build([batch, rows, columns], ([n, r, c]) =>
        outside(r, c) ? 0 : x[(n * rows + r) * columns + c],
      );
      const input = x.map((v, i) =>
        outside(Math.floor(i / columns) % rows, i % columns) ? Number.NaN : v,
      );
      const kernel = triangle({ batch, rows, columns, diagonal, side });
      const y = await runWasm(kernel, { input, output: x.length });
      assert.equal([...y], [...expected.data]);
    }
  }
});

test.run();
