/** What is done to sums before they are stored, four at a time. */
import { ResidualOrder, Tail } from "../src/records";

/** Applies an activation. NaN stays NaN: `pmax(a, b)` is `a` where the comparison fails. */
@inline
export function activate(x: v128, tail: i32, slope: v128): v128 {
  if (tail == Tail.none) return x;
  if (tail == Tail.relu) return f32x4.pmax(x, f32x4.splat(0));
  if (tail == Tail.leaky) return f32x4.pmax(x, f32x4.mul(x, slope));
  return activateRarely(x, tail, slope);
}

function activateRarely(x: v128, tail: i32, slope: v128): v128 {
  if (tail == Tail.sigmoid) return sigmoid(x);
  return v128.bitselect(f32x4.mul(x, slope), x, f32x4.lt(x, f32x4.splat(0)));
}

/** Adds a residual on the side of the activation where it belongs. */
@inline
export function finish(x: v128, residual: v128, order: i32, tail: i32, slope: v128): v128 {
  return order == ResidualOrder.beforeActivation
    ? activate(f32x4.add(x, residual), tail, slope)
    : f32x4.add(activate(x, tail, slope), residual);
}

/** The first `lanes` of four. */
export function storeLanes(at: usize, x: v128, lanes: i32): void {
  if (lanes >= 4) {
    v128.store(at, x);
    return;
  }
  v128.store32_lane(at, x, 0);
  if (lanes > 1) v128.store32_lane(at, x, 1, 4);
  if (lanes > 2) v128.store32_lane(at, x, 2, 8);
}

/** The first `lanes` of four; the rest is 0. Reads nothing beyond. */
export function loadLanes(at: usize, lanes: i32): v128 {
  if (lanes >= 4) return v128.load(at);
  let x = v128.load32_zero(at);
  if (lanes > 1) x = v128.load32_lane(at, x, 1, 4);
  if (lanes > 2) x = v128.load32_lane(at, x, 2, 8);
  return x;
}

/**
 * e^x to 2 units in the last place: 2^n · e^r with |r| ≤ ln 2 / 2 and a polynomial of degree 6
 * (Taylor's, the first term left out is 1.2e-7 of the sum at the ends). From −87.3 down the result
 * is 2^−126, from 88.7 up infinite.
 */
export function exp(x: v128): v128 {
  const ceiling = f32x4.splat(88.72284);
  const clamped = f32x4.pmax(f32x4.pmin(x, ceiling), f32x4.splat(-87.33654));
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.44269504)));
  // ln 2 in two parts, so that n · ln 2 loses nothing.
  let r = f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693145752)));
  r = f32x4.sub(r, f32x4.mul(n, f32x4.splat(1.42860677e-6)));
  let sum = f32x4.splat(1.0 / 720.0);
  sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(1.0 / 120.0));
  sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(1.0 / 24.0));
  sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(1.0 / 6.0));
  sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(0.5));
  sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(1));
  sum = f32x4.add(f32x4.mul(sum, r), f32x4.splat(1));
  // 2^n in two factors: 2^128 alone is no float.
  const half = i32x4.shr_s(i32x4.trunc_sat_f32x4_s(n), 1);
  const rest = i32x4.sub(i32x4.trunc_sat_f32x4_s(n), half);
  sum = f32x4.mul(f32x4.mul(sum, power(half)), power(rest));
  const above = f32x4.gt(x, ceiling);
  sum = v128.bitselect(f32x4.splat(f32.MAX_VALUE * 2), sum, above);
  return v128.bitselect(x, sum, f32x4.ne(x, x));
}

@inline
function power(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}
