/**
 * Sines and cosines, four at a time: x = n · π/2 + r with |r| ≤ π/4, by doubles, and Taylor's series of r, whose first term
 * left out is 2e-9 for the sine and 2.5e-8 for the cosine. The absolute error is 1e-7 up to |x| = 1e6 and 1e-6 up to 1e9;
 * beyond, neighbouring floats are many turns apart. Of infinities NaN.
 */

@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

export function sine(x: v128): v128 {
  return turned(x, 0);
}

export function cosine(x: v128): v128 {
  return turned(x, 1);
}

/** The upper two as doubles. */
@inline
function upper(x: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
}

/** Two and two doubles as floats. */
@inline
function joined(low: v128, high: v128): v128 {
  const first = f32x4.demote_f64x2_zero(low);
  return v128.shuffle<f32>(first, f32x4.demote_f64x2_zero(high), 0, 1, 4, 5);
}

/** Quarters of a turn, to the nearest. */
@inline
function quarters(x: v128): v128 {
  return f64x2.nearest(f64x2.mul(x, f64x2.splat(0.6366197723675814)));
}

/** π/2 in two parts, the first of 33 bits, so that its products with n below 2^20 are exact. */
@inline
function rest(x: v128, n: v128): v128 {
  const most = f64x2.sub(x, f64x2.mul(n, f64x2.splat(1.57079632673412561417)));
  return f64x2.sub(most, f64x2.mul(n, f64x2.splat(6.07710050650619224932e-11)));
}

/** 0, 1, 2 or 3. */
@inline
function quadrant(n: v128, ahead: f64): v128 {
  const m = f64x2.add(n, f64x2.splat(ahead));
  const whole = f64x2.floor(f64x2.mul(m, f64x2.splat(0.25)));
  return f64x2.sub(m, f64x2.mul(whole, f64x2.splat(4)));
}

/** The sine of x and `ahead` quarters of a turn. */
function turned(x: v128, ahead: f64): v128 {
  const low = f64x2.promote_low_f32x4(x);
  const high = upper(x);
  const lowTurns = quarters(low);
  const highTurns = quarters(high);
  const r = joined(rest(low, lowTurns), rest(high, highTurns));
  const q = joined(quadrant(lowTurns, ahead), quadrant(highTurns, ahead));
  const isOdd = v128.or(f32x4.eq(q, splat(1)), f32x4.eq(q, splat(3)));
  const value = v128.bitselect(cosineNear(r), sineNear(r), isOdd);
  const signed = v128.bitselect(f32x4.neg(value), value, f32x4.ge(q, splat(2)));
  // What is left of the largest numbers is no angle any more.
  const bounded = f32x4.max(splat(-1), f32x4.min(splat(1), signed));
  return v128.bitselect(splat(NaN), bounded, f32x4.eq(f32x4.abs(x), splat(Infinity)));
}

function sineNear(r: v128): v128 {
  const s = f32x4.mul(r, r);
  let sum = splat(1.0 / 362880.0);
  sum = f32x4.add(f32x4.mul(sum, s), splat(-1.0 / 5040.0));
  sum = f32x4.add(f32x4.mul(sum, s), splat(1.0 / 120.0));
  sum = f32x4.add(f32x4.mul(sum, s), splat(-1.0 / 6.0));
  return f32x4.add(r, f32x4.mul(f32x4.mul(r, s), sum));
}

function cosineNear(r: v128): v128 {
  const s = f32x4.mul(r, r);
  let sum = splat(1.0 / 40320.0);
  sum = f32x4.add(f32x4.mul(sum, s), splat(-1.0 / 720.0));
  sum = f32x4.add(f32x4.mul(sum, s), splat(1.0 / 24.0));
  sum = f32x4.add(f32x4.mul(sum, s), splat(-0.5));
  return f32x4.add(splat(1), f32x4.mul(sum, s));
}
