/**
 * Coefficients of blocks to samples. 8×8 ones in integers by Loeffler, Ligtenberg and Moschytz,
 * "Practical fast 1-D DCT algorithms with 11 multiplications" (ICASSP 1989), with 13 fraction bits,
 * as libjpeg's accurate integer method has it: columns keep 2 more bits, rows drop them and the
 * factor of 8. Four columns at a time.
 *
 * Smaller ones for images that are decoded at 1/2, 1/4 or 1/8: N samples a side are the N-point
 * inverse transform of the N lowest frequencies, which is a picture without the others, sampled
 * less often; libjpeg 7 and later do so too. With JPEG's scaling, terms are as those of 8 samples,
 * with cos((2x + 1)·u·π / 2N).
 */
import { Component } from "../../src/jpeg/records";

/** Coefficients of a block, 16 bits each, in natural order. */
export const BLOCK = memory.data(128, 16);
const WORK = memory.data(256, 16);

const FRACTION = 13;
const PASS = 2;

const F_0_298 = 2446;
const F_0_390 = 3196;
const F_0_541 = 4433;
const F_0_765 = 6270;
const F_0_899 = 7373;
const F_1_175 = 9633;
const F_1_501 = 12299;
const F_1_847 = 15137;
const F_1_961 = 16069;
const F_2_053 = 16819;
const F_2_562 = 20995;
const F_3_072 = 25172;

/** Blocks of a row from the first on, of which all coefficients may be there. */
export function finishBlocks(
  component: usize,
  coefficients: usize,
  row: i32,
  column: i32,
  blocks: i32,
): void {
  for (let i = 0; i < blocks; i++) {
    finishBlock(component, coefficients + (<usize>i << 7), row, column + i, 63);
  }
}

/** @param last the number, in zigzag order, of the last coefficient that is not 0 */
export function finishBlock(
  component: usize,
  block: usize,
  row: i32,
  column: i32,
  last: i32,
): void {
  const samples = <usize>load<i32>(component + (Component.samples << 2));
  const stride = <usize>load<i32>(component + (Component.stride << 2));
  const size = load<i32>(component + (Component.blockSize << 2));
  const held = load<i32>(component + (Component.heldRows << 2));
  const factors = <usize>load<i32>(component + (Component.factors << 2));
  const to = samples + <usize>((row % held) * size) * stride + <usize>(column * size);
  if (last == 0 || size == 1) flat(block, factors, to, stride, size);
  else if (size == 8) eight(block, factors, to, stride);
  else if (size == 4) four(block, factors, to, stride);
  else two(block, factors, to, stride);
}

@inline
function term(block: usize, factors: usize, i: usize): i32 {
  return <i32>load<i16>(block + (i << 1)) * <i32>load<u16>(factors + (i << 1));
}

@inline
function clamped(value: i32): u8 {
  return <u8>min(max(value, 0), 255);
}

/** A block of its mean alone. */
function flat(block: usize, factors: usize, to: usize, stride: usize, size: i32): void {
  const column = ((term(block, factors, 0) << FRACTION) + 1024) >> (FRACTION - PASS);
  const sample = ((column << FRACTION) + (1 << 17)) >> (FRACTION + PASS + 3);
  const value = <u64>clamped(sample + 128) * 0x0101010101010101;
  for (let y = 0; y < size; y++, to += stride) {
    if (size == 8) store<u64>(to, value);
    else if (size == 4) store<u32>(to, <u32>value);
    else if (size == 2) store<u16>(to, <u16>value);
    else store<u8>(to, <u8>value);
  }
}

function two(block: usize, factors: usize, to: usize, stride: usize): void {
  const a = term(block, factors, 0) + 4;
  const b = term(block, factors, 1);
  const c = term(block, factors, 8);
  const d = term(block, factors, 9);
  store<u8>(to, clamped(((a + b + c + d) >> 3) + 128));
  store<u8>(to, clamped(((a - b + c - d) >> 3) + 128), 1);
  store<u8>(to + stride, clamped(((a + b - c - d) >> 3) + 128));
  store<u8>(to + stride, clamped(((a - b - c + d) >> 3) + 128), 1);
}

/** Four coefficients of a row. */
@inline
function quad(block: usize, factors: usize, i: usize): v128 {
  const values = i32x4.extend_low_i16x8_s(v128.load64_zero(block + (i << 1)));
  return i32x4.mul(values, i32x4.extend_low_i16x8_u(v128.load64_zero(factors + (i << 1))));
}

@inline
function times(x: v128, factor: i32): v128 {
  return i32x4.mul(x, i32x4.splat(factor));
}

@inline
function plus(a: v128, b: v128): v128 {
  return i32x4.add(a, b);
}

function four(block: usize, factors: usize, to: usize, stride: usize): void {
  store4(
    quad(block, factors, 0),
    quad(block, factors, 8),
    quad(block, factors, 16),
    quad(block, factors, 24),
    FRACTION - PASS,
  );
  transpose(WORK, 16, WORK, 16);
  store4(
    v128.load(WORK),
    v128.load(WORK, 16),
    v128.load(WORK, 32),
    v128.load(WORK, 48),
    FRACTION + PASS + 3,
  );
  transpose(WORK, 16, WORK, 16);
  const middle = i32x4.splat(128);
  const top = i16x8.narrow_i32x4_s(
    plus(v128.load(WORK), middle),
    plus(v128.load(WORK, 16), middle),
  );
  const bottom = i16x8.narrow_i32x4_s(
    plus(v128.load(WORK, 32), middle),
    plus(v128.load(WORK, 48), middle),
  );
  const bytes = i8x16.narrow_i16x8_u(top, bottom);
  v128.store_lane<u32>(to, bytes, 0);
  v128.store_lane<u32>(to + stride, bytes, 1);
  v128.store_lane<u32>(to + stride * 2, bytes, 2);
  v128.store_lane<u32>(to + stride * 3, bytes, 3);
}

/** One dimension of four samples, into `WORK`. */
@inline
function store4(x0: v128, x1: v128, x2: v128, x3: v128, shift: i32): void {
  const round = i32x4.splat(1 << (shift - 1));
  const sum = plus(i32x4.shl(plus(x0, x2), FRACTION), round);
  const difference = plus(i32x4.shl(i32x4.sub(x0, x2), FRACTION), round);
  const turn = times(plus(x1, x3), F_0_541);
  const odd0 = plus(turn, times(x1, F_0_765));
  const odd1 = i32x4.sub(turn, times(x3, F_1_847));
  v128.store(WORK, i32x4.shr_s(plus(sum, odd0), shift));
  v128.store(WORK, i32x4.shr_s(plus(difference, odd1), shift), 16);
  v128.store(WORK, i32x4.shr_s(i32x4.sub(difference, odd1), shift), 32);
  v128.store(WORK, i32x4.shr_s(i32x4.sub(sum, odd0), shift), 48);
}

function eight(block: usize, factors: usize, to: usize, stride: usize): void {
  for (let i: usize = 0; i < 64; i += 8) {
    v128.store(WORK + (i << 2), quad(block, factors, i));
    v128.store(WORK + (i << 2), quad(block, factors, i + 4), 16);
  }
  pass(WORK, FRACTION - PASS);
  pass(WORK + 16, FRACTION - PASS);
  transpose8();
  pass(WORK, FRACTION + PASS + 3);
  pass(WORK + 16, FRACTION + PASS + 3);
  transpose8();
  const middle = i32x4.splat(128);
  for (let y: usize = 0; y < 8; y++, to += stride) {
    const row = WORK + (y << 5);
    const left = plus(v128.load(row), middle);
    const words = i16x8.narrow_i32x4_s(left, plus(v128.load(row, 16), middle));
    v128.store_lane<u64>(to, i8x16.narrow_i16x8_u(words, words), 0);
  }
}

/** Swaps rows and columns of `WORK`, 8×8. */
function transpose8(): void {
  transpose(WORK, 32, WORK, 32);
  transpose(WORK + 144, 32, WORK + 144, 32);
  const a0 = v128.load(WORK + 16);
  const a1 = v128.load(WORK + 48);
  const a2 = v128.load(WORK + 80);
  const a3 = v128.load(WORK + 112);
  transpose(WORK + 128, 32, WORK + 16, 32);
  v128.store(WORK + 128, a0);
  v128.store(WORK + 160, a1);
  v128.store(WORK + 192, a2);
  v128.store(WORK + 224, a3);
  transpose(WORK + 128, 32, WORK + 128, 32);
}

/** Swaps rows and columns of 4×4 values whose rows are `stride` bytes apart. */
@inline
function transpose(from: usize, stride: usize, to: usize, toStride: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + stride);
  const c = v128.load(from + stride * 2);
  const d = v128.load(from + stride * 3);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(to + toStride, v128.shuffle<i64>(ab, cd, 1, 3));
  v128.store(to + toStride * 2, v128.shuffle<i64>(ab2, cd2, 0, 2));
  v128.store(to + toStride * 3, v128.shuffle<i64>(ab2, cd2, 1, 3));
}

/** One dimension of four columns in place, results rounded off by `shift` bits. */
function pass(at: usize, shift: i32): void {
  const round = i32x4.splat(1 << (shift - 1));
  const x0 = v128.load(at);
  const x1 = v128.load(at, 32);
  const x2 = v128.load(at, 64);
  const x3 = v128.load(at, 96);
  const x4 = v128.load(at, 128);
  const x5 = v128.load(at, 160);
  const x6 = v128.load(at, 192);
  const x7 = v128.load(at, 224);

  const turn = times(plus(x2, x6), F_0_541);
  const even3 = i32x4.sub(turn, times(x6, F_1_847));
  const even2 = plus(turn, times(x2, F_0_765));
  const sum = plus(i32x4.shl(plus(x0, x4), FRACTION), round);
  const difference = plus(i32x4.shl(i32x4.sub(x0, x4), FRACTION), round);
  const even0 = plus(sum, even2);
  const even1 = plus(difference, even3);
  const even4 = i32x4.sub(difference, even3);
  const even7 = i32x4.sub(sum, even2);

  const spin = times(plus(plus(x7, x3), plus(x5, x1)), F_1_175);
  const z1 = times(plus(x7, x1), -F_0_899);
  const z2 = times(plus(x5, x3), -F_2_562);
  const z3 = plus(times(plus(x7, x3), -F_1_961), spin);
  const z4 = plus(times(plus(x5, x1), -F_0_390), spin);
  const odd7 = plus(plus(times(x7, F_0_298), z1), z3);
  const odd5 = plus(plus(times(x5, F_2_053), z2), z4);
  const odd3 = plus(plus(times(x3, F_3_072), z2), z3);
  const odd1 = plus(plus(times(x1, F_1_501), z1), z4);

  v128.store(at, i32x4.shr_s(plus(even0, odd1), shift));
  v128.store(at, i32x4.shr_s(i32x4.sub(even0, odd1), shift), 224);
  v128.store(at, i32x4.shr_s(plus(even1, odd3), shift), 32);
  v128.store(at, i32x4.shr_s(i32x4.sub(even1, odd3), shift), 192);
  v128.store(at, i32x4.shr_s(plus(even4, odd5), shift), 64);
  v128.store(at, i32x4.shr_s(i32x4.sub(even4, odd5), shift), 160);
  v128.store(at, i32x4.shr_s(plus(even7, odd7), shift), 96);
  v128.store(at, i32x4.shr_s(i32x4.sub(even7, odd7), shift), 128);
}
