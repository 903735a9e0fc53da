/* The kernels of the JPEG decoder and the resizer against plain code and float64. */
import {
  acquireJpegKernels,
  Component,
  type JpegKernels,
  releaseJpegKernels,
} from "@retinaface-webgpu/kernels-wasm/jpeg";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { inverseDct } from "../reference/jpeg-idct.js";
import { Random } from "../support/random.js";

const test = suite("jpeg kernels");
let kernels: JpegKernels;
const random = new Random(5);
const whole = (low: number, high: number) => low + Math.floor(random.uniform() * (high - low + 1));

test.before(() => {
  kernels = acquireJpegKernels();
});
test.after(() => releaseJpegKernels(kernels));

/** Blocks from nearly empty to wild, as damaged files have them. */
function blockOf(kind: number): Int16Array {
  const block = new Int16Array(64);
  const count = [0, 1, 4, 12, 64][kind % 5];
  const most = [200, 500, 2047, 32767][kind % 4];
  block[0] = whole(-most, most);
  for (let i = 0; i < count; i++) block[whole(0, 63)] = whole(-most, most);
  return block;
}

function finish(block: Int16Array, factors: Uint16Array, size: number): Uint8ClampedArray {
  const [samples, record, table, at] = [512, Component.size * 4, 128, 128].map((bytes) =>
    kernels.allocate(bytes),
  );
  kernels.put(table, factors);
  kernels.put(at, block);
  const words = kernels.words(record, Component.size);
  words[Component.samples] = samples;
  words[Component.stride] = 16;
  words[Component.blockSize] = size;
  words[Component.heldRows] = 1;
  words[Component.factors] = table;
  kernels.run.finishBlocks(record, at, 7, 1, 1);
  const rows = Array.from({ length: size }, (_, y) =>
    kernels.view(samples + y * 16 + size, size).slice(),
  );
  kernels.reset();
  return Uint8ClampedArray.from(rows.flatMap((row) => [...row]));
}

test("8×8 blocks are those of libjpeg's integer method, to the bit, of wild numbers too", () => {
  for (let kind = 0; kind < 400; kind++) {
    const block = blockOf(kind);
    const most = kind % 3 === 0 ? 65535 : 99;
    const factors = Uint16Array.from({ length: 64 }, () => whole(1, most));
    const expected = new Uint8ClampedArray(64);
    inverseDct(block, 0, factors, expected, 0, 8);
    assert.equal(finish(block, factors, 8), expected, `${kind}`);
  }
});

/** N samples a side of the lowest N×N frequencies, by the formula. */
function reduced(block: Int16Array, factors: Uint16Array, n: number): Float64Array {
  const scale = (u: number) => (u === 0 ? Math.SQRT1_2 : 1) / 2;
  const wave = (x: number, u: number) => Math.cos(((2 * x + 1) * u * Math.PI) / (2 * n));
  return Float64Array.from({ length: n * n }, (_, i) => {
    let sum = 0;
    for (let v = 0; v < n; v++) {
      for (let u = 0; u < n; u++) {
        const term = block[v * 8 + u] * factors[v * 8 + u] * scale(u) * scale(v);
        sum += term * wave(i % n, u) * wave(Math.floor(i / n), v);
      }
    }
    return Math.max(0, Math.min(255, sum + 128));
  });
}

test("4×4, 2×2 and 1×1 blocks are the inverse transform of the lowest frequencies", () => {
  for (const size of [4, 2, 1]) {
    for (let kind = 0; kind < 100; kind++) {
      const block = blockOf(kind).map((value) => value % 800);
      const factors = Uint16Array.from({ length: 64 }, () => whole(1, 9));
      const expected = reduced(block, factors, size);
      for (const [i, sample] of finish(block, factors, size).entries()) {
        assert.ok(Math.abs(sample - expected[i]) <= 0.57, `${size}, ${kind}: ${sample}`);
      }
    }
  }
});

/** Rows of random bytes in memory, and their values. */
function rowsOf(count: number, width: number) {
  const rows = Array.from({ length: count }, () =>
    Uint8ClampedArray.from({ length: width }, () => whole(0, 255)),
  );
  return { rows, at: rows.map(put) };
}

function put(values: ArrayBufferView): number {
  const at = kernels.allocate(values.byteLength);
  kernels.put(at, values);
  return at;
}

test("YCbCr and grey become RGBA by JFIF's equations in 16 fraction bits", () => {
  for (const width of [1, 3, 4, 5, 17, 64]) {
    const { rows, at } = rowsOf(3, width);
    const to = kernels.allocate(width * 4);
    kernels.run.yccRow(at[0], at[1], at[2], to, width);
    const expected = new Uint8ClampedArray(width * 4);
    for (let x = 0; x < width; x++) {
      const [y, b, r] = [rows[0][x], rows[1][x] - 128, rows[2][x] - 128];
      expected.set(
        [
          y + ((91881 * r + 32768) >> 16),
          y + ((-22554 * b - 46802 * r + 32768) >> 16),
          y + ((116130 * b + 32768) >> 16),
          255,
        ],
        x * 4,
      );
    }
    assert.equal(kernels.view(to, width * 4).slice(), expected, `${width}`);
    kernels.run.greyRow(at[0], to, width);
    const grey = Uint8ClampedArray.from([...rows[0]].flatMap((g) => [g, g, g, 255]));
    assert.equal(kernels.view(to, width * 4).slice(), grey, `${width}`);
    kernels.reset();
  }
});

test("components at half resolution are 3/4 the nearer and 1/4 the farther sample", () => {
  for (const width of [1, 2, 7, 8, 9, 30]) {
    const { rows, at } = rowsOf(2, width);
    const [near, far] = rows.map((row) => [...row]);
    const edge = (row: number[], x: number) => row[Math.max(0, Math.min(width - 1, x))];
    const sums = kernels.allocate(width * 2 + 2);
    const to = kernels.allocate(width * 2);
    const spread = (row: number[], one: number) =>
      row.flatMap((value, x) => [
        (3 * value + edge(row, x - 1) + (one === 4 ? 8 : 1)) >> (one === 4 ? 4 : 2),
        (3 * value + edge(row, x + 1) + (one === 4 ? 7 : 2)) >> (one === 4 ? 4 : 2),
      ]);
    kernels.run.widenRow(at[0], sums, width);
    kernels.run.spreadColumns(sums, to, width, 1);
    assert.equal([...kernels.view(to, width * 2)], spread(near, 1), `columns, ${width}`);
    const both = near.map((value, x) => 3 * value + far[x]);
    kernels.run.spreadRows(at[0], at[1], sums, width);
    kernels.run.spreadColumns(sums, to, width, 4);
    assert.equal([...kernels.view(to, width * 2)], spread(both, 4), `both, ${width}`);
    for (const round of [1, 2]) {
      kernels.run.mixRows(at[0], at[1], to, width, round);
      const mixed = both.map((value) => (value + round) >> 2);
      assert.equal([...kernels.view(to, width)], mixed, `rows, ${width}`);
    }
    kernels.reset();
  }
});

test.run();
