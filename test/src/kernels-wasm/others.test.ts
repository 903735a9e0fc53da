import {
  copy,
  imageInput,
  packTaps,
  pointwise,
  pool,
  resizeNearest,
  softmax,
  tentTaps,
} from "@retinaface-webgpu/kernels-wasm";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { NdArray } from "../reference/array.js";
import { networkInput } from "../reference/detection.js";
import { pool as referencePool } from "../reference/pool.js";
import { nearest } from "../reference/resize.js";
import { softmax as referenceSoftmax } from "../reference/softmax.js";
import { Random } from "../support/random.js";
import { runWasm } from "../support/wasm.js";

function numbers(seed: number, count: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.uniform(-3, 3));
}

const array = (data: Float32Array, ...shape: number[]): NdArray => ({
  data: Float64Array.from(data),
  shape,
});

function close(actual: Float32Array, expected: ArrayLike<number>, tolerance = 1e-6): void {
  assert.is(actual.length, expected.length);
  for (const [i, x] of actual.entries()) {
    const room = tolerance * Math.max(1, Math.abs(expected[i]));
    if (!(Math.abs(x - expected[i]) <= room)) assert.unreachable(`${i}: ${x}, not ${expected[i]}`);
  }
}

const WINDOWS = [
  { kernel: [3, 3], stride: [2, 2], dilation: [1, 1], before: [1, 1], after: [1, 1] },
  { kernel: [2, 3], stride: [1, 2], dilation: [2, 1], before: [0, 1], after: [1, 0] },
  { kernel: [3, 2], stride: [3, 2], dilation: [1, 1], before: [1, 0], after: [0, 0], ceil: true },
] as const;

for (const [w, window] of WINDOWS.entries()) {
  for (const kind of ["max", "average", "average of all"] as const) {
    test(`${kind} pool ${w}`, async () => {
      const [batch, inHeight, inWidth, channels] = [2, 8, 11, 6];
      const data = numbers(w, batch * inHeight * inWidth * channels);
      const countPadding = kind === "average of all";
      const expected = referencePool(
        array(data, batch, inHeight, inWidth, channels),
        window,
        (values, padded) =>
          kind === "max"
            ? Math.max(...values)
            : values.reduce((a, b) => a + b, 0) / (countPadding ? padded : values.length),
      );
      const kernel = pool({
        batch,
        inHeight,
        inWidth,
        channels,
        kernelSize: window.kernel,
        stride: window.stride,
        dilation: window.dilation,
        padding: [window.before[0], window.after[0], window.before[1], window.after[1]],
        kind: kind === "max" ? "max" : "average",
        countPadding,
        outHeight: expected.shape[1],
        outWidth: expected.shape[2],
      });
      const output = await runWasm(kernel, { input: data, output: expected.data.length });
      close(output, expected.data);
    });
  }
}

const BINARY = { add: (a: number, b: number) => a + b, multiply: (a: number, b: number) => a * b };

for (const [rows, width] of [
  [1, 1],
  [37, 5],
  [700, 64],
]) {
  test(`element by element, ${rows} × ${width}`, async () => {
    const a = numbers(1, rows * width);
    const b = numbers(2, rows * width);
    const output = rows * width;
    for (const kind of ["add", "multiply"] as const) {
      const whole = await runWasm(pointwise({ rows, width, kind }), { a, b, output });
      close(
        whole,
        a.map((x, i) => BINARY[kind](x, b[i])),
      );
      const shared = pointwise({ rows, width, kind, shared: true, activation: { kind: "relu" } });
      const row = b.slice(0, width);
      close(
        await runWasm(shared, { a, b: row, output }),
        a.map((x, i) => Math.max(0, BINARY[kind](x, row[i % width]))),
      );
    }
    const minus = await runWasm(pointwise({ rows, width, kind: "subtract" }), { a, b, output });
    close(
      minus,
      a.map((x, i) => x - b[i]),
    );
    const scales = numbers(3, width * 2);
    close(
      await runWasm(pointwise({ rows, width, kind: "affine" }), { a, b: scales, output }),
      a.map((x, i) => x * scales[i % width] + scales[width + (i % width)]),
    );
    const activation = { kind: "leaky_relu", slope: 0.3 } as const;
    close(
      await runWasm(pointwise({ rows, width, kind: "tail", activation }), { a, output }),
      a.map((x) => (x < 0 ? x * 0.3 : x)),
    );
  });
}

test("sigmoid from −100 to 100, infinity and NaN", async () => {
  const [inf, nan] = [Number.POSITIVE_INFINITY, Number.NaN];
  const a = Float32Array.of(-inf, inf, nan, -100, -87, -20, -3, -1e-3, 0, 0.7, 5, 30, 88.5, 100);
  const kernel = pointwise({
    rows: 1,
    width: a.length,
    kind: "tail",
    activation: { kind: "sigmoid" },
  });
  const output = await runWasm(kernel, { a, output: a.length });
  assert.ok(Number.isNaN(output[2]));
  for (const [i, x] of a.entries()) {
    if (i === 2) continue;
    const expected = 1 / (1 + Math.exp(-x));
    assert.ok(Math.abs(output[i] - expected) <= 4e-7 * expected + 1e-37, `${x}: ${output[i]}`);
  }
});

test("softmax of rows, as long as they are large", async () => {
  for (const [rows, width] of [
    [5, 2],
    [3, 1],
    [11, 7],
    [4, 1000],
  ]) {
    const data = numbers(rows, rows * width).map((x) => x * 30);
    const expected = referenceSoftmax(array(data, rows, width), 1);
    const output = await runWasm(softmax({ rows, width }), {
      input: data,
      output: rows * width,
    });
    close(output, expected.data, 2e-6);
  }
});

test("copies rows into a place among others", async () => {
  const input = numbers(1, 6 * 7);
  const kernel = copy({ rows: 6, width: 5, inStride: 7, outStride: 9, outOffset: 3 });
  const output = await runWasm(kernel, { input, output: 6 * 9 });
  for (const [i, value] of output.entries()) {
    const [row, column] = [Math.floor(i / 9), (i % 9) - 3];
    if (column >= 0 && column < 5) assert.is(value, input[row * 7 + column]);
    else assert.ok(Number.isNaN(value));
  }
});

test("nearest neighbour, larger and smaller", async () => {
  for (const [outHeight, outWidth] of [
    [10, 14],
    [9, 8],
    [3, 2],
  ]) {
    const spec = { batch: 2, inHeight: 5, inWidth: 7, outHeight, outWidth, channels: 6 };
    const data = numbers(3, 2 * 5 * 7 * 6);
    const size = [outHeight, outWidth] as const;
    const scale = [outHeight / 5, outWidth / 7] as const;
    const reference = { size, scale, coordinates: "asymmetric" };
    const expected = nearest(array(data, 2, 5, 7, 6), reference, "floor");
    const output = await runWasm(resizeNearest(spec), {
      input: data,
      output: expected.data.length,
    });
    close(output, expected.data);
  }
});

test("images become a network's input", async () => {
  for (const [sourceWidth, sourceHeight, width, height] of [
    [37, 23, 37, 23],
    [64, 50, 40, 31],
    [90, 77, 25, 19],
    [33, 200, 33, 61],
    [9, 7, 30, 40],
    [1, 1, 3, 2],
  ]) {
    const random = new Random(width);
    const data = Uint8ClampedArray.from(
      { length: sourceWidth * sourceHeight * 4 },
      () => random.uint32() & 255,
    );
    const image = { data, width: sourceWidth, height: sourceHeight };
    const expected = networkInput(image, width, height);
    const kernel = imageInput({ sourceWidth, sourceHeight, width, height, mean: [104, 117, 123] });
    const output = await runWasm(kernel, {
      source: data,
      taps: packTaps(tentTaps(sourceWidth, width), tentTaps(sourceHeight, height)),
      output: width * height * 3,
    });
    close(output, expected, 1e-4);
  }
});

test.run();
