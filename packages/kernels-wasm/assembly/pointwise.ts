/** Element by element: activations, sums, products, scale and shift by channel. */
import { Copy, Pointwise, PointwiseKind, Resize, Softmax } from "../src/records";
import { activate, exp, loadLanes, storeLanes } from "./tail";
import { float, word } from "./team";

export function pointwiseChunk(step: usize, chunk: i32): void {
  const kind = word(step, Pointwise.kind);
  const tail = word(step, Pointwise.tail);
  const slope = f32x4.splat(float(step, Pointwise.slope));
  const width = word(step, Pointwise.width);
  const size = word(step, Pointwise.chunkRows);
  const first = chunk * size;
  const last = min(first + size, word(step, Pointwise.rows));
  const b = word(step, Pointwise.b);
  const shared = word(step, Pointwise.bRows) == 1;
  for (let row = first; row < last; row++) {
    const at = <usize>(row * width) << 2;
    const from = word(step, Pointwise.a) + at;
    const other = shared ? b : b + at;
    const to = word(step, Pointwise.output) + at;
    for (let i = 0; i < width; i += 4) {
      const lanes = width - i;
      const offset = <usize>i << 2;
      const x = combine(kind, loadLanes(from + offset, lanes), other + offset, width, lanes);
      storeLanes(to + offset, activate(x, tail, slope), lanes);
    }
  }
}

@inline
function combine(kind: i32, x: v128, b: usize, width: i32, lanes: i32): v128 {
  if (kind == PointwiseKind.tail) return x;
  const y = loadLanes(b, lanes);
  if (kind == PointwiseKind.add) return f32x4.add(x, y);
  if (kind == PointwiseKind.multiply) return f32x4.mul(x, y);
  if (kind == PointwiseKind.subtract) return f32x4.sub(x, y);
  return f32x4.add(f32x4.mul(x, y), loadLanes(b + (<usize>width << 2), lanes));
}

export function copyChunk(step: usize, chunk: i32): void {
  const width = word(step, Copy.width);
  const size = word(step, Copy.chunkRows);
  const last = min(chunk * size + size, word(step, Copy.rows));
  for (let row = chunk * size; row < last; row++) {
    copyRow(
      word(step, Copy.input) + (row * word(step, Copy.inStride) << 2),
      word(step, Copy.output) + (row * word(step, Copy.outStride) << 2),
      width,
    );
  }
}

/** Nearest neighbour, a chunk a row of output: index ⌊i · from / to⌋, as PyTorch's. */
export function resizeChunk(step: usize, chunk: i32): void {
  const inHeight = word(step, Resize.inHeight);
  const inWidth = word(step, Resize.inWidth);
  const outHeight = word(step, Resize.outHeight);
  const outWidth = word(step, Resize.outWidth);
  const channels = word(step, Resize.channels);
  const n = chunk / outHeight;
  const y = (chunk % outHeight) * inHeight / outHeight;
  for (let x = 0; x < outWidth; x++) {
    const from = ((n * inHeight + y) * inWidth + (x * inWidth) / outWidth) * channels;
    const to = (chunk * outWidth + x) * word(step, Resize.outStride);
    copyRow(
      word(step, Resize.input) + (from << 2),
      word(step, Resize.output) + (to << 2),
      channels,
    );
  }
}

export function copyRow(from: usize, to: usize, width: i32): void {
  for (let i = 0; i < width; i += 4) {
    const lanes = width - i;
    storeLanes(to + (i << 2), loadLanes(from + (i << 2), lanes), lanes);
  }
}

/** e^(x − max) / Σ, row by row; a row of three or fewer is the usual case. */
export function softmaxChunk(step: usize, chunk: i32): void {
  const width = word(step, Softmax.width);
  const size = word(step, Softmax.chunkRows);
  const last = min(chunk * size + size, word(step, Softmax.rows));
  for (let row = chunk * size; row < last; row++) {
    const at = <usize>(row * width) << 2;
    softmaxRow(word(step, Softmax.input) + at, word(step, Softmax.output) + at, width);
  }
}

function softmaxRow(from: usize, to: usize, width: i32): void {
  let highest: f32 = -Infinity;
  for (let i = 0; i < width; i++) highest = max<f32>(highest, load<f32>(from + (i << 2)));
  let sum: f32 = 0;
  for (let i = 0; i < width; i += 4) {
    const lanes = width - i;
    const y = exp(f32x4.sub(loadLanes(from + (i << 2), lanes), f32x4.splat(highest)));
    sum += f32x4.extract_lane(y, 0);
    if (lanes > 1) sum += f32x4.extract_lane(y, 1);
    if (lanes > 2) sum += f32x4.extract_lane(y, 2);
    if (lanes > 3) sum += f32x4.extract_lane(y, 3);
    storeLanes(to + (i << 2), y, lanes);
  }
  for (let i = 0; i < width; i++) {
    const place = to + (i << 2);
    store<f32>(place, load<f32>(place) / sum);
  }
}
