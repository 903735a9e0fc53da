/**
 * Logarithms and powers, four at a time, without tables: those of the standard library lie in linear
 * memory, which belongs to others here.
 */
import { exp } from "../tail";

const LN2_HIGH: f32 = 0.693145752;
const LN2_LOW: f32 = 1.42860677e-6;

/** Two times the area tangent of s: log((1 + s) / (1 − s)), for |s| ≤ 1/3 to 1e-8. */
function twiceAreaTangent(s: v128): v128 {
  const q = f32x4.mul(s, s);
  let sum = f32x4.splat(1.0 / 15.0);
  sum = f32x4.add(f32x4.mul(sum, q), f32x4.splat(1.0 / 13.0));
  sum = f32x4.add(f32x4.mul(sum, q), f32x4.splat(1.0 / 11.0));
  sum = f32x4.add(f32x4.mul(sum, q), f32x4.splat(1.0 / 9.0));
  sum = f32x4.add(f32x4.mul(sum, q), f32x4.splat(1.0 / 7.0));
  sum = f32x4.add(f32x4.mul(sum, q), f32x4.splat(1.0 / 5.0));
  sum = f32x4.add(f32x4.mul(sum, q), f32x4.splat(1.0 / 3.0));
  const twice = f32x4.add(s, s);
  return f32x4.add(twice, f32x4.mul(f32x4.mul(twice, q), sum));
}

/** log(1 + e) for 0 ≤ e ≤ 1. */
export function logOnePlus(e: v128): v128 {
  return twiceAreaTangent(f32x4.div(e, f32x4.add(f32x4.splat(2), e)));
}

/**
 * Natural logarithm to 2 units in the last place: x = m · 2^k with m from √½ to √2, whose logarithm is
 * an area tangent. Of 0 it is −∞, of what is negative NaN.
 */
export function log(x: v128): v128 {
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(33554432)), x, tiny);
  // The bits above those of √½ are the exponent.
  const above = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  const k = i32x4.shr_s(above, 23);
  const m = i32x4.sub(scaled, i32x4.shl(k, 23));
  const one = f32x4.splat(1);
  const s = f32x4.div(f32x4.sub(m, one), f32x4.add(m, one));
  const steps = i32x4.sub(k, v128.and(tiny, i32x4.splat(25)));
  const powers = f32x4.convert_i32x4_s(steps);
  const low = f32x4.add(f32x4.mul(powers, f32x4.splat(LN2_LOW)), twiceAreaTangent(s));
  const result = f32x4.add(f32x4.mul(powers, f32x4.splat(LN2_HIGH)), low);
  return edges(x, result);
}

function edges(x: v128, result: v128): v128 {
  const zero = f32x4.splat(0);
  let edged = v128.bitselect(f32x4.splat(-Infinity), result, f32x4.eq(x, zero));
  edged = v128.bitselect(f32x4.splat(NaN), edged, f32x4.lt(x, zero));
  const kept = v128.or(f32x4.ne(x, x), f32x4.eq(x, f32x4.splat(Infinity)));
  return v128.bitselect(x, edged, kept);
}

/** x to the power p; where x is negative, NaN unless p is whole. */
export function power(x: v128, p: f32): v128 {
  if (p == 0) return f32x4.splat(1);
  const size = f32x4.abs(x);
  let result = exp(f32x4.mul(f32x4.splat(p), log(size)));
  const zero = f32x4.splat(0);
  result = v128.bitselect(f32x4.splat(p > 0 ? 0 : Infinity), result, f32x4.eq(x, zero));
  const negative = f32x4.lt(x, zero);
  if (p != floor<f32>(p)) return v128.bitselect(f32x4.splat(NaN), result, negative);
  const isOdd = floor<f32>(p * 0.5) * 2 != p;
  return isOdd ? v128.bitselect(f32x4.neg(result), result, negative) : result;
}
