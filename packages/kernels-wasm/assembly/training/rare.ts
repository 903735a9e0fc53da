/**
 * Powers, and gradients of the functions of `special.ts`, by the formulas of kernels-wgsl's elementwise ones. x is the
 * gradient of the result there, y and z what the comment of `MapKind` says.
 */
import { MapKind } from "../../src/training/records";
import { exp } from "../tail";
import { cosine, sine } from "./circle";
import { log } from "./logarithms";
import { errorFunction, geluShare } from "./special";

@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

export function rare(kind: i32, x: v128, y: v128, z: v128, p: f32, q: f32): v128 {
  const zero = splat(0);
  switch (kind) {
    case MapKind.power:
      return power(x, y);
    case MapKind.prelu:
      return v128.bitselect(x, f32x4.mul(x, y), f32x4.ge(x, zero));
    case MapKind.scaledExponential: {
      const value = exp(f32x4.mul(x, splat(p)));
      return v128.bitselect(x, value, f32x4.ne(x, x));
    }
    case MapKind.powerGradient: {
      const slope = f32x4.mul(f32x4.mul(x, z), power(y, f32x4.sub(z, splat(1))));
      return v128.bitselect(zero, slope, f32x4.eq(z, zero));
    }
    case MapKind.exponentGradient: {
      const size = f32x4.abs(y);
      const slope = f32x4.mul(f32x4.mul(x, power(y, z)), log(f32x4.max(size, splat(1e-37))));
      return v128.bitselect(slope, zero, f32x4.gt(size, zero));
    }
    case MapKind.preluGradient:
      return v128.bitselect(x, f32x4.mul(x, z), f32x4.gt(y, zero));
    case MapKind.preluSlopeGradient:
      return v128.bitselect(zero, f32x4.mul(x, y), f32x4.gt(y, zero));
    case MapKind.scaledExponentialGradient:
      return f32x4.mul(f32x4.mul(x, y), splat(p));
    default:
      return f32x4.mul(x, slopeOf(kind, y, p, q));
  }
}

/** The slope of a function of one element at x, or from its result x. */
function slopeOf(kind: i32, x: v128, p: f32, q: f32): v128 {
  const one = splat(1);
  const size = f32x4.abs(x);
  switch (kind) {
    case MapKind.errorFunctionGradient:
      return f32x4.mul(splat(1.1283791670955126), bell(x, -1));
    case MapKind.exponentialMinusOneGradient:
      return f32x4.add(x, one);
    case MapKind.logarithmOfOnePlusGradient:
      return f32x4.div(one, f32x4.add(one, x));
    case MapKind.geluGradient: {
      const phi = f32x4.add(one, errorFunction(f32x4.mul(x, splat(0.7071067811865476))));
      const density = f32x4.mul(splat(0.3989422804014327), bell(x, -0.5));
      return f32x4.add(f32x4.mul(splat(0.5), phi), f32x4.mul(x, density));
    }
    case MapKind.geluTanhGradient: {
      const share = geluShare(x);
      const rest = f32x4.sub(one, share);
      const cube = f32x4.add(one, f32x4.mul(splat(0.134145), f32x4.mul(x, x)));
      const inner = f32x4.mul(f32x4.mul(splat(1.5957691216057308), x), cube);
      return f32x4.mul(share, f32x4.add(one, f32x4.mul(rest, inner)));
    }
    case MapKind.eluGradient: {
      const below = f32x4.mul(splat(p), exp(f32x4.min(x, splat(0))));
      return f32x4.mul(splat(q), v128.bitselect(one, below, f32x4.gt(x, splat(0))));
    }
    case MapKind.softsignGradient:
      return f32x4.div(one, f32x4.mul(f32x4.add(one, size), f32x4.add(one, size)));
    case MapKind.sineGradient:
      return cosine(x);
    case MapKind.cosineGradient:
      return f32x4.neg(sine(x));
    default:
      return unreachable();
  }
}

/** e to the power `factor` · x². */
@inline
function bell(x: v128, factor: f32): v128 {
  return exp(f32x4.mul(f32x4.mul(x, x), splat(factor)));
}

/** a to the power b: of negative a where b is whole, else NaN. */
function power(a: v128, b: v128): v128 {
  const zero = splat(0);
  const one = splat(1);
  const magnitude = exp(f32x4.mul(b, log(f32x4.abs(a))));
  const half = f32x4.mul(b, splat(0.5));
  const isOdd = f32x4.eq(f32x4.abs(f32x4.sub(half, f32x4.trunc(half))), splat(0.5));
  const isNegative = f32x4.lt(a, zero);
  let result = v128.bitselect(f32x4.neg(magnitude), magnitude, v128.and(isNegative, isOdd));
  const isBroken = v128.and(isNegative, f32x4.ne(b, f32x4.trunc(b)));
  result = v128.bitselect(splat(NaN), result, isBroken);
  const ofZero = v128.bitselect(splat(Infinity), zero, f32x4.lt(b, zero));
  result = v128.bitselect(ofZero, result, f32x4.eq(a, zero));
  result = v128.bitselect(b, result, f32x4.ne(b, b));
  result = v128.bitselect(a, result, f32x4.ne(a, a));
  return v128.bitselect(one, result, v128.or(f32x4.eq(b, zero), f32x4.eq(a, one)));
}
