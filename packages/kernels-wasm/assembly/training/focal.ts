/**
 * Sigmoid focal loss (Lin et al. 2017), as kernels-wgsl's: both probabilities come from an
 * exponential of −|x|, so that neither is ever the difference of two near-equal numbers.
 */
import { exp } from "../tail";
import { logOnePlus, power } from "./logarithms";

@inline
function smaller(x: v128): v128 {
  return exp(f32x4.neg(f32x4.abs(x)));
}

@inline
function one(): v128 {
  return f32x4.splat(1);
}

/** a · t + b · (1 − t). */
@inline
function mix(a: v128, b: v128, t: v128): v128 {
  return f32x4.add(f32x4.mul(a, t), f32x4.mul(b, f32x4.sub(one(), t)));
}

@inline
function weight(t: v128, alpha: f32): v128 {
  return alpha < 0 ? one() : mix(f32x4.splat(alpha), f32x4.splat(1 - alpha), t);
}

/** −log p_t. */
@inline
function crossEntropy(x: v128, t: v128, e: v128): v128 {
  const line = f32x4.sub(f32x4.max(x, f32x4.splat(0)), f32x4.mul(x, t));
  return f32x4.add(line, logOnePlus(e));
}

@inline
function modulation(miss: v128, gamma: f32): v128 {
  return gamma == 0 ? one() : power(f32x4.max(miss, f32x4.splat(0)), gamma);
}

/** The probability of the larger of the two, e^−|x| being `e`. */
@inline
function larger(e: v128): v128 {
  return f32x4.div(one(), f32x4.add(one(), e));
}

/** sigmoid(x). */
@inline
function positive(x: v128, e: v128): v128 {
  const large = larger(e);
  return v128.bitselect(large, f32x4.mul(e, large), f32x4.ge(x, f32x4.splat(0)));
}

/** 1 − p_t. */
@inline
function missed(x: v128, t: v128, e: v128): v128 {
  return mix(positive(f32x4.neg(x), e), positive(x, e), t);
}

export function focal(x: v128, t: v128, alpha: f32, gamma: f32): v128 {
  const e = smaller(x);
  const loss = f32x4.mul(weight(t, alpha), crossEntropy(x, t, e));
  return f32x4.mul(loss, modulation(missed(x, t, e), gamma));
}

export function focalGradient(x: v128, t: v128, alpha: f32, gamma: f32): v128 {
  const e = smaller(x);
  const large = larger(e);
  const miss = missed(x, t, e);
  const slope = f32x4.div(f32x4.mul(f32x4.mul(large, e), large), miss);
  const safe = v128.and(slope, f32x4.gt(miss, f32x4.splat(0)));
  const sign = f32x4.sub(f32x4.add(t, t), one());
  const bend = f32x4.mul(f32x4.splat(gamma), f32x4.mul(crossEntropy(x, t, e), f32x4.mul(sign, safe)));
  const inner = f32x4.sub(f32x4.sub(positive(x, e), t), bend);
  return f32x4.mul(f32x4.mul(weight(t, alpha), modulation(miss, gamma)), inner);
}
