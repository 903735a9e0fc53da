/**
 * Separable resizing of RGBA: a row of the source is summed along its columns once, then added to
 * the rows of the result that it is part of. Sums are f32, four channels at a time.
 */
import { Tap } from "../../src/jpeg/records";

/** The horizontal sums of a row: R, G, B and A of each column of the result. */
export function sumRow(line: usize, taps: usize, to: usize, width: i32): void {
  for (let x = 0; x < width; x++, taps += Tap.size << 2, to += 16) {
    let at = line + (<usize>load<i32>(taps) << 2);
    const end = at + (<usize>load<i32>(taps, Tap.count << 2) << 2);
    let weight = <usize>load<i32>(taps, Tap.weights << 2);
    let sum = f32x4.splat(0);
    for (; at < end; at += 4, weight += 4) {
      const bytes = i16x8.extend_low_i8x16_u(v128.load32_zero(at));
      const values = f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(bytes));
      sum = f32x4.add(sum, f32x4.mul(values, v128.load32_splat(weight)));
    }
    v128.store(to, sum);
  }
}

/** Adds a row of sums to a row of the result. */
export function addRow(sums: usize, to: usize, width: i32, weight: f32): void {
  const factor = f32x4.splat(weight);
  for (let x = 0; x < width; x++, sums += 16, to += 16) {
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(sums), factor)));
  }
}

/** A finished row as bytes; its sums are 0 afterwards. */
export function storeRow(sums: usize, to: usize, width: i32): void {
  for (let x = 0; x < width; x++, sums += 16, to += 4) {
    const values = i32x4.trunc_sat_f32x4_s(f32x4.nearest(v128.load(sums)));
    const words = i16x8.narrow_i32x4_s(values, values);
    v128.store_lane<u32>(to, i8x16.narrow_i16x8_u(words, words), 0);
    v128.store(sums, i32x4.splat(0));
  }
}
