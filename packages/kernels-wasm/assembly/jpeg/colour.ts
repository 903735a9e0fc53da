/**
 * Rows of samples to rows of RGBA. Components at half resolution are interpolated by a triangle
 * filter, as libjpeg's "fancy upsampling" does: a sample is 3/4 the nearer and 1/4 the farther one.
 * Buffers may be written and read up to 16 samples beyond a row's end.
 */

/** 3·near + far, 16 bits each. */
export function spreadRows(near: usize, far: usize, to: usize, width: i32): void {
  const three = i16x8.splat(3);
  for (let x = 0; x < width; x += 8, near += 8, far += 8, to += 16) {
    const a = i16x8.extend_low_i8x16_u(v128.load64_zero(near));
    const b = i16x8.extend_low_i8x16_u(v128.load64_zero(far));
    v128.store(to, i16x8.add(i16x8.mul(a, three), b));
  }
}

/** Samples, 16 bits each. */
export function widenRow(line: usize, to: usize, width: i32): void {
  for (let x = 0; x < width; x += 8, line += 8, to += 16) {
    v128.store(to, i16x8.extend_low_i8x16_u(v128.load64_zero(line)));
  }
}

/** (3·near + far + round) / 4. */
export function mixRows(near: usize, far: usize, to: usize, width: i32, round: i32): void {
  for (let x = 0; x < width; x++) {
    const sum = 3 * <i32>load<u8>(near + x) + load<u8>(far + x);
    store<u8>(to + x, <u8>((sum + round) >> 2));
  }
}

/**
 * Doubles the columns of 16-bit sums that weigh 4 (of `spreadRows`) or 1 (of `widenRow`); halves
 * are rounded up and down in turn.
 *
 * @param sums with room for one more before the first and behind the last, which are written
 */
export function spreadColumns(sums: usize, to: usize, width: i32, weight: i32): void {
  const shift = weight == 4 ? 4 : 2;
  const left = i16x8.splat(weight == 4 ? 8 : 1);
  const right = i16x8.splat(weight == 4 ? 7 : 2);
  const three = i16x8.splat(3);
  store<u16>(sums - 2, load<u16>(sums));
  store<u16>(sums + (<usize>width << 1), load<u16>(sums + (<usize>(width - 1) << 1)));
  for (let x = 0; x < width; x += 8, sums += 16, to += 16) {
    const centre = i16x8.mul(v128.load(sums), three);
    const a = i16x8.shr_u(i16x8.add(i16x8.add(centre, v128.load(sums - 2)), left), shift);
    const b = i16x8.shr_u(i16x8.add(i16x8.add(centre, v128.load(sums + 2)), right), shift);
    v128.store(to, v128.or(a, i16x8.shl(b, 8)));
  }
}

/** 1.402, 1.772, 0.344136, 0.714136 with 16 fraction bits, as in libjpeg. */
export function yccRow(luma: usize, cb: usize, cr: usize, to: usize, width: i32): void {
  const middle = i32x4.splat(128);
  const half = i32x4.splat(32768);
  const opaque = i32x4.splat(255);
  for (let x = 0; x < width; x += 4, luma += 4, cb += 4, cr += 4, to += 16) {
    const y = four(luma);
    const blue = i32x4.sub(four(cb), middle);
    const red = i32x4.sub(four(cr), middle);
    const r = i32x4.add(i32x4.mul(red, i32x4.splat(91881)), half);
    const gb = i32x4.mul(blue, i32x4.splat(-22554));
    const g = i32x4.add(i32x4.sub(gb, i32x4.mul(red, i32x4.splat(46802))), half);
    const b = i32x4.add(i32x4.mul(blue, i32x4.splat(116130)), half);
    const rg = i16x8.narrow_i32x4_s(
      i32x4.add(y, i32x4.shr_s(r, 16)),
      i32x4.add(y, i32x4.shr_s(g, 16)),
    );
    const ba = i16x8.narrow_i32x4_s(i32x4.add(y, i32x4.shr_s(b, 16)), opaque);
    const planes = i8x16.narrow_i16x8_u(rg, ba);
    v128.store(
      to,
      v128.shuffle<u8>(planes, planes, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
    );
  }
}

@inline
function four(at: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
}

export function greyRow(grey: usize, to: usize, width: i32): void {
  for (let x = 0; x < width; x++, to += 4) {
    store<u32>(to, <u32>load<u8>(grey + x) * 0x010101 | 0xff000000);
  }
}
