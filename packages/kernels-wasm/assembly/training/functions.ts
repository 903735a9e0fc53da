/**
 * The functions of a map that take four elements at once, as kernels-wgsl's elementwise ones:
 * comparisons that NaN fails keep it where `min` and `max` may drop it.
 */
import { MapKind } from "../../src/training/records";
import { exp } from "../tail";
import { focal, focalGradient } from "./focal";
import { log, logOnePlus, power } from "./logarithms";
import { rare } from "./rare";
import { special } from "./special";

@inline
function one(): v128 {
  return f32x4.splat(1);
}

/** 1 where the mask is set, else 0. */
@inline
function truth(mask: v128): v128 {
  return v128.and(mask, one());
}

@inline
function choose(first: v128, second: v128, mask: v128): v128 {
  return v128.bitselect(first, second, mask);
}

@inline
function where(x: v128, mask: v128): v128 {
  return v128.and(x, mask);
}

/** The larger, NaN where either is. */
@inline
function larger(a: v128, b: v128): v128 {
  return f32x4.max(a, b);
}

function sign(x: v128): v128 {
  const zero = f32x4.splat(0);
  return f32x4.sub(truth(f32x4.gt(x, zero)), truth(f32x4.lt(x, zero)));
}

/** Exponentials are only taken of what is not positive. */
function sigmoid(x: v128): v128 {
  const e = exp(f32x4.neg(f32x4.abs(x)));
  const above = choose(one(), e, f32x4.ge(x, f32x4.splat(0)));
  return f32x4.div(above, f32x4.add(one(), e));
}

function wholePower(x: v128, times: i32): v128 {
  let result = one();
  for (let i = 0; i < times; i++) result = f32x4.mul(result, x);
  return result;
}

/** The gradient of an extreme value goes to the operand that wins, in halves where they tie. */
@inline
function share(g: v128, a: v128, b: v128, wins: v128): v128 {
  const half = where(f32x4.mul(g, f32x4.splat(0.5)), f32x4.eq(a, b));
  return choose(g, half, wins);
}

export function valueOf(kind: i32, x: v128, y: v128, z: v128, p: f32, q: f32): v128 {
  if (kind == MapKind.copy) return x;
  if (kind == MapKind.add) return f32x4.add(x, y);
  if (kind < MapKind.relu) return ofTwo(kind, x, y);
  if (kind < MapKind.select) return ofOne(kind, x, f32x4.splat(p), f32x4.splat(q), p);
  if (kind < MapKind.divideGradient) return updates(kind, x, y, z, p);
  if (kind < MapKind.reluGradient) return gradientsOfTwo(kind, x, y, z);
  if (kind >= MapKind.tanh) return dear(kind, x, y, z, p, q);
  return gradients(kind, x, y, z, p, f32x4.splat(p), f32x4.splat(q));
}

function ofTwo(kind: i32, x: v128, y: v128): v128 {
  switch (kind) {
    case MapKind.subtract:
      return f32x4.sub(x, y);
    case MapKind.multiply:
      return f32x4.mul(x, y);
    case MapKind.divide:
      return f32x4.div(x, y);
    case MapKind.maximum:
      return larger(x, y);
    case MapKind.minimum:
      return f32x4.min(x, y);
    case MapKind.equal:
      return truth(f32x4.eq(x, y));
    case MapKind.less:
      return truth(f32x4.lt(x, y));
    case MapKind.lessEqual:
      return truth(f32x4.le(x, y));
    case MapKind.greater:
      return truth(f32x4.gt(x, y));
    case MapKind.greaterEqual:
      return truth(f32x4.ge(x, y));
    default:
      return unreachable();
  }
}

function ofOne(kind: i32, x: v128, p: v128, q: v128, constant: f32): v128 {
  const zero = f32x4.splat(0);
  switch (kind) {
    case MapKind.relu:
      return choose(zero, x, f32x4.lt(x, zero));
    case MapKind.leakyRelu:
      return choose(x, f32x4.mul(x, p), f32x4.ge(x, zero));
    case MapKind.absolute:
      return f32x4.abs(x);
    case MapKind.sign:
      return sign(x);
    case MapKind.negate:
      return f32x4.neg(x);
    case MapKind.square:
      return f32x4.mul(x, x);
    case MapKind.squareRoot:
      return f32x4.sqrt(x);
    case MapKind.reciprocalRoot:
      return f32x4.div(one(), f32x4.sqrt(x));
    case MapKind.reciprocal:
      return f32x4.div(one(), x);
    case MapKind.exponential:
      return exp(x);
    case MapKind.sigmoid:
      return sigmoid(x);
    case MapKind.clamp: {
      const raised = choose(p, x, f32x4.lt(x, p));
      return choose(q, raised, f32x4.gt(raised, q));
    }
    case MapKind.addConstant:
      return f32x4.add(x, p);
    case MapKind.multiplyConstant:
      return f32x4.mul(x, p);
    case MapKind.constantMinus:
      return f32x4.sub(p, x);
    case MapKind.constantOver:
      return f32x4.div(p, x);
    case MapKind.equalConstant:
      return truth(f32x4.eq(x, p));
    case MapKind.lessConstant:
      return truth(f32x4.lt(x, p));
    case MapKind.lessEqualConstant:
      return truth(f32x4.le(x, p));
    case MapKind.greaterConstant:
      return truth(f32x4.gt(x, p));
    case MapKind.greaterEqualConstant:
      return truth(f32x4.ge(x, p));
    case MapKind.wholePower:
      return wholePower(x, <i32>constant);
    case MapKind.floatOfInteger:
      return f32x4.convert_i32x4_s(x);
    case MapKind.floatOfUnsigned:
      return f32x4.convert_i32x4_u(x);
    case MapKind.integerOfFloat:
      return i32x4.trunc_sat_f32x4_s(x);
    case MapKind.unsignedOfFloat:
      return i32x4.trunc_sat_f32x4_u(x);
    default:
      return unreachable();
  }
}

function updates(kind: i32, x: v128, y: v128, z: v128, p: f32): v128 {
  const constant = f32x4.splat(p);
  switch (kind) {
    case MapKind.select:
      return choose(y, z, f32x4.ne(x, f32x4.splat(0)));
    case MapKind.selectByInteger:
      return choose(z, y, i32x4.eq(x, i32x4.splat(0)));
    case MapKind.constant:
      return constant;
    case MapKind.lerp:
      return f32x4.add(y, f32x4.mul(constant, f32x4.sub(x, y)));
    case MapKind.addScaled:
      return f32x4.add(y, f32x4.mul(constant, x));
    case MapKind.clipNorm: {
      const norm = f32x4.add(f32x4.sqrt(y), f32x4.splat(1e-6));
      const most = f32x4.div(constant, norm);
      return f32x4.mul(x, choose(one(), most, f32x4.gt(most, one())));
    }
    default:
      return unreachable();
  }
}

/** x is the gradient of the result, y and z the operands. */
function gradientsOfTwo(kind: i32, g: v128, y: v128, z: v128): v128 {
  switch (kind) {
    case MapKind.divideGradient:
      return f32x4.div(g, z);
    case MapKind.divisorGradient:
      return f32x4.div(f32x4.mul(f32x4.neg(g), y), f32x4.mul(z, z));
    case MapKind.maximumGradient:
      return share(g, y, z, f32x4.gt(y, z));
    case MapKind.otherMaximumGradient:
      return share(g, y, z, f32x4.gt(z, y));
    case MapKind.minimumGradient:
      return share(g, y, z, f32x4.lt(y, z));
    case MapKind.otherMinimumGradient:
      return share(g, y, z, f32x4.lt(z, y));
    default:
      return unreachable();
  }
}

/** x is the gradient of the result, y what the comment of `MapKind` says. */
function gradients(kind: i32, g: v128, y: v128, z: v128, constant: f32, p: v128, q: v128): v128 {
  const zero = f32x4.splat(0);
  switch (kind) {
    case MapKind.reluGradient:
      return where(g, f32x4.gt(y, zero));
    case MapKind.leakyReluGradient:
      return choose(g, f32x4.mul(g, p), f32x4.gt(y, zero));
    case MapKind.absoluteGradient:
      return f32x4.mul(g, sign(y));
    case MapKind.squareGradient:
      return f32x4.mul(f32x4.mul(g, y), f32x4.splat(2));
    case MapKind.squareRootGradient:
      return f32x4.div(f32x4.mul(g, f32x4.splat(0.5)), y);
    case MapKind.reciprocalRootGradient: {
      const cube = f32x4.mul(f32x4.mul(y, y), y);
      return f32x4.mul(f32x4.mul(g, f32x4.splat(-0.5)), cube);
    }
    case MapKind.reciprocalGradient:
      return f32x4.mul(f32x4.mul(f32x4.neg(g), y), y);
    case MapKind.exponentialGradient:
      return f32x4.mul(g, y);
    case MapKind.sigmoidGradient:
      return f32x4.mul(f32x4.mul(g, y), f32x4.sub(one(), y));
    case MapKind.clampGradient:
      return where(g, v128.and(f32x4.ge(y, p), f32x4.le(y, q)));
    case MapKind.wholePowerGradient: {
      if (constant == 0) return zero;
      return f32x4.mul(f32x4.mul(g, p), wholePower(y, <i32>constant - 1));
    }
    case MapKind.constantOverGradient:
      return f32x4.div(f32x4.mul(f32x4.neg(g), p), f32x4.mul(y, y));
    case MapKind.tanhGradient:
      return f32x4.mul(f32x4.mul(g, f32x4.sub(one(), y)), f32x4.add(one(), y));
    case MapKind.logarithmGradient:
      return f32x4.div(g, y);
    case MapKind.softplusGradient:
      return f32x4.mul(g, sigmoid(y));
    case MapKind.smoothL1: {
      const d = f32x4.sub(g, y);
      const size = f32x4.abs(d);
      const line = f32x4.sub(size, f32x4.mul(f32x4.splat(0.5), p));
      return choose(f32x4.mul(f32x4.mul(d, d), q), line, f32x4.lt(size, p));
    }
    case MapKind.smoothL1Gradient: {
      const d = f32x4.sub(y, z);
      const slope = choose(f32x4.mul(d, q), sign(d), f32x4.lt(f32x4.abs(d), p));
      return f32x4.mul(g, slope);
    }
    default:
      return unreachable();
  }
}

/** What takes exponentials and logarithms. */
function dear(kind: i32, x: v128, y: v128, z: v128, p: f32, q: f32): v128 {
  switch (kind) {
    case MapKind.tanh:
      return tanh(x);
    case MapKind.logarithm:
      return log(x);
    case MapKind.softplus: {
      const rest = logOnePlus(exp(f32x4.neg(f32x4.abs(x))));
      return f32x4.add(f32x4.max(x, f32x4.splat(0)), rest);
    }
    case MapKind.constantPower:
      return power(x, p);
    case MapKind.constantPowerGradient:
      return f32x4.mul(f32x4.mul(x, f32x4.splat(p)), power(y, p - 1));
    case MapKind.focal:
      return focal(x, y, p, q);
    case MapKind.focalGradient:
      return f32x4.mul(x, focalGradient(y, z, p, q));
    default:
      return kind >= MapKind.power ? rare(kind, x, y, z, p, q) : special(kind, x, p);
  }
}

/** By an exponential, near 0 by a series. */
function tanh(x: v128): v128 {
  const e = exp(f32x4.mul(f32x4.splat(-2), f32x4.abs(x)));
  const far = f32x4.mul(sign(x), f32x4.div(f32x4.sub(one(), e), f32x4.add(one(), e)));
  const s = f32x4.mul(x, x);
  let sum = f32x4.splat(62.0 / 2835.0);
  sum = f32x4.add(f32x4.mul(sum, s), f32x4.splat(-17.0 / 315.0));
  sum = f32x4.add(f32x4.mul(sum, s), f32x4.splat(2.0 / 15.0));
  sum = f32x4.add(f32x4.mul(sum, s), f32x4.splat(-1.0 / 3.0));
  const near = f32x4.add(x, f32x4.mul(f32x4.mul(x, s), sum));
  const result = choose(near, far, f32x4.lt(s, f32x4.splat(0.0625)));
  return choose(x, result, f32x4.ne(x, x));
}
