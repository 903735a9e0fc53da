import {
  decodeBfloat16,
  decodeHalf,
  encodeHalf,
  fromHalf,
  type HostTensor,
  hostTensorFromBuffer,
  toFloat32,
  toHalf,
} from "@retinaface-webgpu/tensor";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../support/random.js";

/** Every finite half that is not negative, by its definition; its index is its bits. */
const FINITE = Array.from({ length: 0x7c00 }, (_, bits) => {
  const exponent = bits >> 10;
  const fraction = (bits & 1023) / 1024;
  return exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
});

/** The nearest half by search; a tie goes to even bits, and what rounds to 65536 is infinite. */
function nearestHalf(value: number): number {
  const size = Math.abs(value);
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  let low = 0;
  let high = 0x7c00;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (FINITE[middle] <= size) low = middle;
    else high = middle;
  }
  const above = FINITE[high] ?? 65536;
  const down = size - FINITE[low];
  const up = above - size;
  const bits = down < up || (down === up && low % 2 === 0) ? low : high;
  return sign | bits;
}

test("all 65,536 halves decode to their definition and encode to themselves", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
  const values = decodeHalf(all);
  const again = encodeHalf(values);
  for (let bits = 0; bits < 65536; bits++) {
    const size = bits & 0x7fff;
    const sign = bits & 0x8000 ? -1 : 1;
    if (size > 0x7c00) {
      assert.ok(Number.isNaN(values[bits]), `${bits} is NaN`);
      assert.is(again[bits] & 0x7fff, 0x7e00);
    } else {
      const expected = size === 0x7c00 ? Number.POSITIVE_INFINITY : FINITE[size];
      assert.ok(Object.is(values[bits], sign * expected), `${bits} is ${values[bits]}`);
      assert.is(again[bits], bits);
    }
  }
});

test("doubles round to the nearest half, ties to even", () => {
  const random = new Random(7);
  const values = [0, -0, 2 ** -25, 2 ** -25 * 1.0000001, -(2 ** -24) * 1.5, 65504, 65519.99, 65520];
  values.push(1 + 2 ** -11, 1 + 2 ** -11 + 2 ** -40, 1 + 3 * 2 ** -11, 2 ** -14 - 2 ** -26, 1e-320);
  for (let i = 0; i < 20_000; i++) {
    values.push(random.uniform(-2, 2) * 2 ** random.integer(-28, 16));
    const bits = random.integer(0, 0x7bfe);
    values.push((FINITE[bits] + FINITE[bits + 1]) / 2);
  }
  for (const value of values) assert.is(toHalf(value), nearestHalf(value), String(value));
});

test("infinities, NaN and what is too large", () => {
  assert.is(toHalf(Number.POSITIVE_INFINITY), 0x7c00);
  assert.is(toHalf(Number.NEGATIVE_INFINITY), 0xfc00);
  assert.is(toHalf(1e300), 0x7c00);
  assert.is(toHalf(-65536), 0xfc00);
  assert.is(toHalf(Number.NaN) & 0x7fff, 0x7e00);
  assert.ok(Number.isNaN(fromHalf(0x7c01)));
});

test("bfloat16 is the upper half of a float32", () => {
  const bits = Uint16Array.of(0x3f80, 0xc049, 0x0001, 0x7f80, 0x8000);
  const values = decodeBfloat16(bits);
  assert.is(values[0], 1);
  assert.is(values[1], -3.140625);
  assert.is(values[2], 2 ** -133);
  assert.is(values[3], Number.POSITIVE_INFINITY);
  assert.ok(Object.is(values[4], -0));
});

test("toFloat32 of every element type", () => {
  const tensors: [HostTensor, number[]][] = [
    [{ dtype: "f32", shape: [2], data: Float32Array.of(1.5, -2) }, [1.5, -2]],
    [{ dtype: "f64", shape: [1], data: Float64Array.of(0.1) }, [Math.fround(0.1)]],
    [{ dtype: "f16", shape: [1], data: Uint16Array.of(0x3e00) }, [1.5]],
    [{ dtype: "bf16", shape: [1], data: Uint16Array.of(0x3fc0) }, [1.5]],
    [{ dtype: "i64", shape: [2], data: BigInt64Array.of(-5n, 2n ** 40n) }, [-5, 2 ** 40]],
    [{ dtype: "i32", shape: [1], data: Int32Array.of(-7) }, [-7]],
    [{ dtype: "i16", shape: [1], data: Int16Array.of(-7) }, [-7]],
    [{ dtype: "i8", shape: [1], data: Int8Array.of(-7) }, [-7]],
    [{ dtype: "u8", shape: [1], data: Uint8Array.of(200) }, [200]],
    [{ dtype: "u32", shape: [1], data: Uint32Array.of(2 ** 31) }, [2 ** 31]],
    [{ dtype: "bool", shape: [2], data: Uint8Array.of(0, 1) }, [0, 1]],
  ];
  for (const [tensor, expected] of tensors) assert.equal([...toFloat32(tensor)], expected);
});

test("a buffer that does not fit its shape is refused", () => {
  assert.throws(() => hostTensorFromBuffer("f32", [3], new ArrayBuffer(8)), /12 bytes, not 8/);
});

test.run();
