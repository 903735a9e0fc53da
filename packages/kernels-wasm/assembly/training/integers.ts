/** Functions of a map of integers of 32 bits, four at a time, by the rules of WGSL: sums and products wrap around. */
import { MapKind } from "../../src/training/records";

/** 1 where the mask is set, else 0. */
@inline
function truth(mask: v128): v128 {
  return v128.and(mask, i32x4.splat(1));
}

export function integers(kind: i32, x: v128, y: v128): v128 {
  switch (kind) {
    case MapKind.addIntegers:
      return i32x4.add(x, y);
    case MapKind.subtractIntegers:
      return i32x4.sub(x, y);
    case MapKind.multiplyIntegers:
      return i32x4.mul(x, y);
    case MapKind.equalIntegers:
      return truth(i32x4.eq(x, y));
    case MapKind.absoluteIntegers:
      return i32x4.abs(x);
    case MapKind.signOfIntegers: {
      const zero = i32x4.splat(0);
      return i32x4.sub(truth(i32x4.gt_s(x, zero)), truth(i32x4.lt_s(x, zero)));
    }
    case MapKind.maximumIntegers:
      return i32x4.max_s(x, y);
    case MapKind.minimumIntegers:
      return i32x4.min_s(x, y);
    case MapKind.lessIntegers:
      return truth(i32x4.lt_s(x, y));
    case MapKind.lessEqualIntegers:
      return truth(i32x4.le_s(x, y));
    case MapKind.maximumUnsigned:
      return i32x4.max_u(x, y);
    case MapKind.minimumUnsigned:
      return i32x4.min_u(x, y);
    case MapKind.lessUnsigned:
      return truth(i32x4.lt_u(x, y));
    case MapKind.lessEqualUnsigned:
      return truth(i32x4.le_u(x, y));
    default:
      return quotients(kind, x, y);
  }
}

/** There is no division of vectors of integers. */
function quotients(kind: i32, x: v128, y: v128): v128 {
  const first = quotient(kind, i32x4.extract_lane(x, 0), i32x4.extract_lane(y, 0));
  const second = quotient(kind, i32x4.extract_lane(x, 1), i32x4.extract_lane(y, 1));
  const third = quotient(kind, i32x4.extract_lane(x, 2), i32x4.extract_lane(y, 2));
  const last = quotient(kind, i32x4.extract_lane(x, 3), i32x4.extract_lane(y, 3));
  let result = i32x4.splat(first);
  result = i32x4.replace_lane(result, 1, second);
  result = i32x4.replace_lane(result, 2, third);
  return i32x4.replace_lane(result, 3, last);
}

function quotient(kind: i32, a: i32, b: i32): i32 {
  if (b == 0) return a;
  if (kind == MapKind.divideUnsigned) return <i32>(<u32>a / <u32>b);
  // The one quotient that has no place among integers traps.
  return b == -1 ? -a : a / b;
}
