/**
 * Sums, sums of squares, products and extremes over some axes. A chunk is a segment of the elements
 * of some results and leaves a double for each; `ReduceMerge` joins the segments in order. So long
 * sums are shared by threads, and accurate without a tree: doubles lose nothing that floats hold.
 */
import { AXES, Reduce, ReduceKind, ReduceMerge, ReduceType } from "../../src/training/records";
import { float, word } from "../team";
import { identityOfIntegers, joinIntegers, loadInteger } from "./reduce-integers";

export function reduceChunk(step: usize, chunk: i32): void {
  const segments = word(step, Reduce.segments);
  const segment = chunk % segments;
  const size = word(step, Reduce.segmentElements);
  const from = segment * size;
  const to = min(from + size, word(step, Reduce.elements));
  const block = word(step, Reduce.chunkResults);
  const first = (chunk / segments) * block;
  const last = min(first + block, word(step, Reduce.results));
  const type = word(step, Reduce.type);
  if (type != ReduceType.float) {
    for (let result = first; result < last; result++) {
      const base = offsetOf(step, result, Reduce.keptExtents, Reduce.keptStrides, AXES);
      store<i64>(partialAt(step, result, segment), integersOf(step, type, base, from, to));
    }
    return;
  }
  if (areColumns(step)) {
    columns(step, first, last, from, to, segment);
    return;
  }
  for (let result = first; result < last; result++) {
    const base = offsetOf(step, result, Reduce.keptExtents, Reduce.keptStrides, AXES);
    store<f64>(partialAt(step, result, segment), reduceOne(step, base, from, to));
  }
}

@inline
function partialAt(step: usize, result: i32, segment: i32): usize {
  const place = result * word(step, Reduce.segments) + segment;
  return word(step, Reduce.partial) + (<usize>place << 3);
}

/** Elements from an index over the first `axes` axes. */
function offsetOf(step: usize, index: i32, extents: i32, strides: i32, axes: i32): i32 {
  let offset = 0;
  let rest = index;
  for (let axis = axes - 1; axis >= 0; axis--) {
    const extent = word(step, extents + axis);
    offset += (rest % extent) * word(step, strides + axis);
    rest /= extent;
  }
  return offset;
}

function identity(kind: i32): f64 {
  if (kind == ReduceKind.maximum) return -Infinity;
  if (kind == ReduceKind.minimum) return Infinity;
  return kind == ReduceKind.product ? 1 : 0;
}

@inline
function join(kind: i32, total: f64, x: f64): f64 {
  if (kind == ReduceKind.sum) return total + x;
  if (kind == ReduceKind.sumSquares) return total + x * x;
  if (kind == ReduceKind.maximum) return max<f64>(total, x);
  if (kind == ReduceKind.minimum) return min<f64>(total, x);
  return total * x;
}

function reduceOne(step: usize, base: i32, from: i32, to: i32): f64 {
  const kind = word(step, Reduce.kind);
  const input = word(step, Reduce.input);
  const width = word(step, Reduce.extents + AXES - 1);
  const stride = word(step, Reduce.strides + AXES - 1);
  let total = identity(kind);
  for (let e = from; e < to; ) {
    const column = e % width;
    const count = min(width - column, to - e);
    const row = offsetOf(step, e / width, Reduce.extents, Reduce.strides, AXES - 1);
    const at = input + (<usize>(base + row + column * stride) << 2);
    total = run(kind, at, stride, count, total);
    e += count;
  }
  return total;
}

function integersOf(step: usize, type: i32, base: i32, from: i32, to: i32): i64 {
  const kind = word(step, Reduce.kind);
  const width = word(step, Reduce.extents + AXES - 1);
  const stride = word(step, Reduce.strides + AXES - 1);
  let total = identityOfIntegers(kind, type);
  for (let e = from; e < to; ) {
    const column = e % width;
    const count = min(width - column, to - e);
    const row = offsetOf(step, e / width, Reduce.extents, Reduce.strides, AXES - 1);
    const at = word(step, Reduce.input) + (<usize>(base + row + column * stride) << 2);
    for (let i = 0; i < count; i++) {
      total = joinIntegers(kind, total, loadInteger(type, at + (<usize>(i * stride) << 2)));
    }
    e += count;
  }
  return total;
}

function run(kind: i32, at: usize, stride: i32, count: i32, start: f64): f64 {
  let total = start;
  let i = 0;
  if (stride == 1 && kind <= ReduceKind.sumSquares) {
    let low = f64x2.splat(0);
    let high = f64x2.splat(0);
    for (; i + 4 <= count; i += 4) {
      const x = v128.load(at + (<usize>i << 2));
      const a = f64x2.promote_low_f32x4(x);
      const b = f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 2, 3));
      low = f64x2.add(low, kind == ReduceKind.sum ? a : f64x2.mul(a, a));
      high = f64x2.add(high, kind == ReduceKind.sum ? b : f64x2.mul(b, b));
    }
    const sum = f64x2.add(low, high);
    total += f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  }
  for (; i < count; i++) {
    total = join(kind, total, <f64>load<f32>(at + (<usize>(i * stride) << 2)));
  }
  return total;
}

/** Whether results lie side by side, so that all of a block are summed at once, row by row. */
@inline
function areColumns(step: usize): bool {
  return (
    word(step, Reduce.results) == word(step, Reduce.keptExtents + AXES - 1) &&
    word(step, Reduce.keptStrides + AXES - 1) == 1 &&
    word(step, Reduce.results) > 1
  );
}

function columns(step: usize, first: i32, last: i32, from: i32, to: i32, segment: i32): void {
  const kind = word(step, Reduce.kind);
  const input = word(step, Reduce.input);
  for (let result = first; result < last; result++) {
    store<f64>(partialAt(step, result, segment), identity(kind));
  }
  for (let e = from; e < to; e++) {
    const row = offsetOf(step, e, Reduce.extents, Reduce.strides, AXES);
    for (let result = first; result < last; result++) {
      const at = partialAt(step, result, segment);
      const x = <f64>load<f32>(input + (<usize>(row + result) << 2));
      store<f64>(at, join(kind, load<f64>(at), x));
    }
  }
}

export function reduceMergeChunk(step: usize, chunk: i32): void {
  const size = word(step, ReduceMerge.chunkResults);
  const last = min(chunk * size + size, word(step, ReduceMerge.results));
  const segments = word(step, ReduceMerge.segments);
  const asked = word(step, ReduceMerge.kind);
  // Squares are squared already.
  const kind = asked == ReduceKind.sumSquares ? <i32>ReduceKind.sum : asked;
  const factor = <f64>float(step, ReduceMerge.factor);
  const isInteger = word(step, ReduceMerge.type) != ReduceType.float;
  for (let result = chunk * size; result < last; result++) {
    const from = word(step, ReduceMerge.partial) + (<usize>(result * segments) << 3);
    if (isInteger) {
      let sum = load<i64>(from);
      for (let s = 1; s < segments; s++) {
        sum = joinIntegers(kind, sum, load<i64>(from + (<usize>s << 3)));
      }
      store<i32>(word(step, ReduceMerge.output) + (<usize>result << 2), <i32>sum);
      continue;
    }
    let total = load<f64>(from);
    for (let s = 1; s < segments; s++) total = join(kind, total, load<f64>(from + (<usize>s << 3)));
    const to = word(step, ReduceMerge.output) + (<usize>result << 2);
    store<f32>(to, <f32>(total * factor));
  }
}
