/**
 * Reductions of integers of 32 bits in 64: sums and products wrap around in their lower half as they do in WGSL, and
 * extremes with a sign and without are compared alike.
 */
import { ReduceKind, ReduceType } from "../../src/training/records";

export function identityOfIntegers(kind: i32, type: i32): i64 {
  if (kind == ReduceKind.maximum) return type == ReduceType.unsigned ? 0 : <i64>i32.MIN_VALUE;
  if (kind == ReduceKind.minimum) {
    return type == ReduceType.unsigned ? <i64>u32.MAX_VALUE : <i64>i32.MAX_VALUE;
  }
  return kind == ReduceKind.product ? 1 : 0;
}

@inline
export function joinIntegers(kind: i32, total: i64, x: i64): i64 {
  if (kind == ReduceKind.sum) return total + x;
  if (kind == ReduceKind.sumSquares) return total + x * x;
  if (kind == ReduceKind.maximum) return max<i64>(total, x);
  if (kind == ReduceKind.minimum) return min<i64>(total, x);
  return total * x;
}

@inline
export function loadInteger(type: i32, at: usize): i64 {
  return type == ReduceType.unsigned ? <i64>load<u32>(at) : <i64>load<i32>(at);
}
