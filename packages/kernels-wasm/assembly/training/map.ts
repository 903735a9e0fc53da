/**
 * Functions of up to three operands element by element, which may repeat along axes or lie apart:
 * activations, sums with broadcasting, losses, their gradients, copies of parts of tensors.
 *
 * Four elements of the last axis at a time; an operand whose stride there is neither 0 nor 1 is
 * gathered. The function is chosen by a switch for every four: a branch that is always foretold
 * right, which costs less than a kernel for each function would in code.
 */
import { AXES, ElementMap, MapKind } from "../../src/training/records";
import { loadLanes, storeLanes } from "../tail";
import { float, word } from "../team";
import { valueOf } from "./functions";
import { integers } from "./integers";

export function mapChunk(step: usize, chunk: i32): void {
  const size = word(step, ElementMap.chunkRows);
  const first = chunk * size;
  const last = min(first + size, word(step, ElementMap.rows));
  const kind = word(step, ElementMap.kind);
  const p = float(step, ElementMap.p);
  const isInteger = kind >= MapKind.addIntegers;
  const absent = isInteger ? i32x4.splat(word(step, ElementMap.p)) : f32x4.splat(0);
  const q = float(step, ElementMap.q);
  const width = word(step, ElementMap.extents + AXES - 1);
  const xStride = stride(step, 1);
  const yStride = stride(step, 2);
  const zStride = stride(step, 3);
  const toStride = stride(step, 0);
  const down = word(step, ElementMap.extents + AXES - 2);
  let row = first;
  while (row < last) {
    // Rows that differ in their last index alone: no division to find each.
    const end = min(last, row - (row % down) + down);
    let x = place(step, row, 1);
    let y = place(step, row, 2);
    let z = place(step, row, 3);
    let to = place(step, row, 0);
    for (; row < end; row++) {
      for (let i = 0; i < width; i += 4) {
        const lanes = width - i;
        const a = take(x, i, xStride, lanes, absent);
        const b = take(y, i, yStride, lanes, absent);
        const c = take(z, i, zStride, lanes, absent);
        const value = isInteger ? integers(kind, a, b) : valueOf(kind, a, b, c, p, q);
        put(to, i, toStride, value, lanes);
      }
      x += advance(step, 1);
      y += advance(step, 2);
      z += advance(step, 3);
      to += advance(step, 0);
    }
  }
}

/** Where a row of an operand begins: 0 output, 1 x, 2 y, 3 z. */
function place(step: usize, row: i32, operand: i32): usize {
  const at = word(step, ElementMap.output + operand);
  if (at == 0) return 0;
  let offset = 0;
  let rest = row;
  for (let axis = AXES - 2; axis >= 0; axis--) {
    const extent = word(step, ElementMap.extents + axis);
    const index = rest % extent;
    rest /= extent;
    offset += index * word(step, ElementMap.strides + operand * AXES + axis);
  }
  return at + (<usize>offset << 2);
}

/** Bytes from a row of an operand to the next. */
@inline
function advance(step: usize, operand: i32): usize {
  return <usize>word(step, ElementMap.strides + operand * AXES + AXES - 2) << 2;
}

@inline
function stride(step: usize, operand: i32): i32 {
  return word(step, ElementMap.strides + operand * AXES + AXES - 1);
}

@inline
function take(from: usize, i: i32, stride: i32, lanes: i32, absent: v128): v128 {
  if (from == 0) return absent;
  if (stride == 1) return loadLanes(from + (<usize>i << 2), lanes);
  if (stride == 0) return v128.load32_splat(from);
  return gather(from + (<usize>(i * stride) << 2), stride, lanes);
}

function gather(from: usize, stride: i32, lanes: i32): v128 {
  const by = <usize>stride << 2;
  let result = v128.load32_zero(from);
  if (lanes > 1) result = v128.load32_lane(from + by, result, 1);
  if (lanes > 2) result = v128.load32_lane(from + 2 * by, result, 2);
  if (lanes > 3) result = v128.load32_lane(from + 3 * by, result, 3);
  return result;
}

@inline
function put(to: usize, i: i32, stride: i32, x: v128, lanes: i32): void {
  if (stride == 1) storeLanes(to + (<usize>i << 2), x, lanes);
  else scatter(to + (<usize>(i * stride) << 2), stride, x, lanes);
}

function scatter(to: usize, stride: i32, x: v128, lanes: i32): void {
  const by = <usize>stride << 2;
  v128.store32_lane(to, x, 0);
  if (lanes > 1) v128.store32_lane(to + by, x, 1);
  if (lanes > 2) v128.store32_lane(to + 2 * by, x, 2);
  if (lanes > 3) v128.store32_lane(to + 3 * by, x, 3);
}
