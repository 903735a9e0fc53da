/**
 * Functions of one element that networks other than convolutional ones take, as kernels-wgsl's elementwise ones: series
 * near 0, where differences would lose everything. NaN stays NaN.
 */
import { MapKind } from "../../src/training/records";
import { exp } from "../tail";
import { cosine, sine } from "./circle";
import { log, logOnePlus } from "./logarithms";

@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

export function special(kind: i32, x: v128, p: f32): v128 {
  return v128.bitselect(x, valueOf(kind, x, p), f32x4.ne(x, x));
}

function valueOf(kind: i32, x: v128, p: f32): v128 {
  switch (kind) {
    case MapKind.errorFunction:
      return errorFunction(x);
    case MapKind.exponentialMinusOne:
      return minusOne(x);
    case MapKind.logarithmOfOnePlus: {
      const near = f32x4.lt(f32x4.abs(x), splat(0.3));
      return v128.bitselect(logOnePlus(x), log(f32x4.add(splat(1), x)), near);
    }
    case MapKind.gelu: {
      const phi = f32x4.add(splat(1), errorFunction(f32x4.mul(x, splat(0.7071067811865476))));
      return f32x4.mul(f32x4.mul(splat(0.5), x), phi);
    }
    case MapKind.geluTanh:
      return geluTanh(x);
    case MapKind.elu:
      return elu(x, splat(p));
    case MapKind.selu:
      return f32x4.mul(splat(1.0507009873554805), elu(x, splat(1.6732632423543772)));
    case MapKind.softsign:
      return softsign(x);
    case MapKind.floor:
      return f32x4.floor(x);
    case MapKind.ceil:
      return f32x4.ceil(x);
    case MapKind.round:
      return f32x4.nearest(x);
    case MapKind.sine:
      return sine(x);
    case MapKind.cosine:
      return cosine(x);
    default:
      return unreachable();
  }
}

/** −1, 0 or 1. */
function sign(x: v128): v128 {
  const positive = v128.and(f32x4.gt(x, splat(0)), splat(1));
  return f32x4.sub(positive, v128.and(f32x4.lt(x, splat(0)), splat(1)));
}

/** e^x − 1: x · (1 + x/2 · (1 + x/3 · …)) below 0.1. */
function minusOne(x: v128): v128 {
  let series = f32x4.add(splat(1), f32x4.mul(x, splat(1.0 / 5.0)));
  series = f32x4.add(splat(1), f32x4.mul(f32x4.mul(x, splat(1.0 / 4.0)), series));
  series = f32x4.add(splat(1), f32x4.mul(f32x4.mul(x, splat(1.0 / 3.0)), series));
  series = f32x4.add(splat(1), f32x4.mul(f32x4.mul(x, splat(1.0 / 2.0)), series));
  series = f32x4.mul(x, series);
  const near = f32x4.lt(f32x4.abs(x), splat(0.1));
  return v128.bitselect(series, f32x4.sub(exp(x), splat(1)), near);
}

function elu(x: v128, alpha: v128): v128 {
  const below = f32x4.mul(alpha, minusOne(f32x4.min(x, splat(0))));
  return v128.bitselect(x, below, f32x4.gt(x, splat(0)));
}

function softsign(x: v128): v128 {
  const y = f32x4.div(x, f32x4.add(splat(1), f32x4.abs(x)));
  return v128.bitselect(sign(x), y, f32x4.gt(f32x4.abs(x), splat(1e30)));
}

/** Taylor's series below 1; above, 7.1.26 of Abramowitz and Stegun, whose error is 1.5e-7. */
export function errorFunction(x: v128): v128 {
  const s = f32x4.mul(x, x);
  let term = x;
  let series = x;
  for (let n = 1; n <= 10; n++) {
    term = f32x4.mul(f32x4.mul(term, s), splat(-1 / <f32>n));
    const odd: i32 = n + n + 1;
    series = f32x4.add(series, f32x4.mul(term, splat(1 / <f32>odd)));
  }
  series = f32x4.mul(splat(1.1283791670955126), series);
  const size = f32x4.abs(x);
  const t = f32x4.div(splat(1), f32x4.add(splat(1), f32x4.mul(splat(0.3275911), size)));
  let tail = f32x4.add(splat(-1.453152027), f32x4.mul(t, splat(1.061405429)));
  tail = f32x4.add(splat(1.421413741), f32x4.mul(t, tail));
  tail = f32x4.add(splat(-0.284496736), f32x4.mul(t, tail));
  tail = f32x4.mul(t, f32x4.add(splat(0.254829592), f32x4.mul(t, tail)));
  const far = f32x4.sub(splat(1), f32x4.mul(tail, exp(f32x4.neg(s))));
  const large = f32x4.mul(sign(x), far);
  return v128.bitselect(series, large, f32x4.lt(size, splat(1)));
}

/** In terms of the sigmoid, which is (1 + tanh) / 2 of half the argument. */
function geluTanh(x: v128): v128 {
  return f32x4.mul(x, geluShare(x));
}

/** What the approximation multiplies x by. */
export function geluShare(x: v128): v128 {
  const cube = f32x4.mul(f32x4.mul(x, x), x);
  const inner = f32x4.add(x, f32x4.mul(splat(0.044715), cube));
  const e = exp(f32x4.mul(splat(-1.5957691216057308), inner));
  return f32x4.div(splat(1), f32x4.add(splat(1), e));
}
