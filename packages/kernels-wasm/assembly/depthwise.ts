/**
 * Depthwise convolution: 4 channels at a time. Where a 3×3 kernel lies inside the image, its 9
 * weights stay in registers along a row of pixels; at the borders, and for other kernels, weights
 * are loaded with each tap. Keeping columns of the input in registers too would need 18 of 16.
 */
import { Depthwise, Tail, Window } from "../src/records";
import { residualAt } from "./residual";
import { activate, finish, loadLanes, storeLanes } from "./tail";
import { float, word } from "./team";

export function depthwiseChunk(step: usize, chunk: i32): void {
  const size = word(step, Depthwise.chunkPixels);
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const channels = word(step, Depthwise.channels);
  const first = chunk * size;
  const count = min(size, word(step, Window.batch) * outHeight * outWidth - first);
  const outStep = (<usize>word(step, Window.outStride)) << 2;
  const out = <usize>word(step, Window.output) + first * outStep;
  const hasResidual = word(step, Depthwise.residual) != 0;
  const tail = word(step, Depthwise.tail);
  const slope = float(step, Depthwise.slope);
  depthwisePixels(
    step,
    word(step, Depthwise.weights),
    word(step, Depthwise.bias),
    channels,
    hasResidual ? 0 : tail,
    slope,
    first,
    count,
    out,
    outStep,
  );
  if (hasResidual) addResiduals(step, first, count, channels, out, outStep, tail, slope);
}

/** Rare, so it passes over the chunk again. */
function addResiduals(
  step: usize,
  first: i32,
  count: i32,
  channels: i32,
  out: usize,
  outStep: usize,
  tail: i32,
  slope: f32,
): void {
  const outWidth = word(step, Window.outWidth);
  const outHeight = word(step, Window.outHeight);
  const order = word(step, Depthwise.residualOrder);
  for (let i = 0; i < count; i++) {
    const pixel = first + i;
    const n = pixel / (outWidth * outHeight);
    const row = (pixel / outWidth) % outHeight;
    const from = residualAt(step, Depthwise.residual, n, row, pixel % outWidth);
    const to = out + <usize>i * outStep;
    for (let c = 0; c < channels; c += 4) {
      const lanes = min(4, channels - c);
      const x = loadLanes(to + (c << 2), lanes);
      const residual = loadLanes(from + (c << 2), lanes);
      storeLanes(to + (c << 2), finish(x, residual, order, tail, f32x4.splat(slope)), lanes);
    }
  }
}

/**
 * The output pixels `first` … `first + count`, `outStep` bytes apart from `out` on.
 *
 * @param weights kernel row by row, `channels` rounded up to a multiple of 4 for each tap; `bias`
 * alike
 */
export function depthwisePixels(
  step: usize,
  weights: usize,
  bias: usize,
  channels: i32,
  tail: i32,
  slope: f32,
  first: i32,
  count: i32,
  out: usize,
  outStep: usize,
): void {
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const inWidth = word(step, Window.inWidth);
  const strideX = word(step, Window.strideX);
  const padLeft = word(step, Window.padLeft);
  const nine =
    word(step, Window.kernelHeight) == 3 &&
    word(step, Window.kernelWidth) == 3 &&
    word(step, Window.dilationY) == 1 &&
    word(step, Window.dilationX) == 1;
  // Columns whose kernel lies inside the image.
  const inner = min((padLeft + strideX - 1) / strideX, outWidth);
  const outer = inWidth + padLeft < 3 ? 0 : min((inWidth + padLeft - 3) / strideX + 1, outWidth);
  let column = first % outWidth;
  let row = (first / outWidth) % outHeight;
  let n = first / (outWidth * outHeight);
  const end = out + <usize>count * outStep;
  while (out < end) {
    const left = <i32>((end - out) / outStep);
    const run = min(left, outWidth - column);
    const top = row * word(step, Window.strideY) - word(step, Window.padTop);
    const inside = nine && top >= 0 && top + 3 <= word(step, Window.inHeight);
    const from = inside ? min(max(inner, column), column + run) : column + run;
    const until = max(from, min(outer, column + run));
    const line = out - column * outStep;
    if (column < from) {
      border(step, weights, bias, channels, tail, slope, n, row, column, from, line, outStep);
    }
    if (from < until) {
      const at = (n * word(step, Window.inHeight) + top) * inWidth + from * strideX - padLeft;
      const input = word(step, Window.input) + ((at * word(step, Window.inStride)) << 2);
      const to = line + from * outStep;
      ninefold(step, input, weights, bias, channels, tail, slope, until - from, to, outStep);
    }
    if (until < column + run) {
      border(
        step,
        weights,
        bias,
        channels,
        tail,
        slope,
        n,
        row,
        until,
        column + run,
        line,
        outStep,
      );
    }
    out += run * outStep;
    column = 0;
    if (++row == outHeight) {
      row = 0;
      n++;
    }
  }
}

/** A run of pixels whose 3×3 windows lie inside the image. */
function ninefold(
  step: usize,
  input: usize,
  weights: usize,
  bias: usize,
  channels: i32,
  tail: i32,
  slope: f32,
  count: i32,
  out: usize,
  outStep: usize,
): void {
  const x1 = (<usize>word(step, Window.inStride)) << 2;
  const x2 = x1 << 1;
  const line = x1 * word(step, Window.inWidth);
  const advance = x1 * word(step, Window.strideX);
  const tap = (<usize>((channels + 3) & ~3)) << 2;
  for (let c = 0; c < channels; c += 4) {
    const w = weights + (c << 2);
    const w0 = v128.load(w);
    const w1 = v128.load(w + tap);
    const w2 = v128.load(w + tap * 2);
    const w3 = v128.load(w + tap * 3);
    const w4 = v128.load(w + tap * 4);
    const w5 = v128.load(w + tap * 5);
    const w6 = v128.load(w + tap * 6);
    const w7 = v128.load(w + tap * 7);
    const w8 = v128.load(w + tap * 8);
    const start = v128.load(bias + (c << 2));
    const lanes = channels - c;
    let a = input + (c << 2);
    let to = out + (c << 2);
    const end = to + count * outStep;
    // Loops without calls: with one, registers are saved and loaded around it in every turn.
    if (lanes < 4) {
      for (; to < end; a += advance, to += outStep) {
        const sum = nine(a, x1, x2, line, start, w0, w1, w2, w3, w4, w5, w6, w7, w8);
        storeLanes(to, activate(sum, tail, f32x4.splat(slope)), lanes);
      }
    } else if (tail == Tail.none) {
      for (; to < end; a += advance, to += outStep) {
        v128.store(to, nine(a, x1, x2, line, start, w0, w1, w2, w3, w4, w5, w6, w7, w8));
      }
    } else if (tail == Tail.relu) {
      for (; to < end; a += advance, to += outStep) {
        const sum = nine(a, x1, x2, line, start, w0, w1, w2, w3, w4, w5, w6, w7, w8);
        v128.store(to, f32x4.pmax(sum, f32x4.splat(0)));
      }
    } else if (tail == Tail.leaky) {
      for (; to < end; a += advance, to += outStep) {
        const sum = nine(a, x1, x2, line, start, w0, w1, w2, w3, w4, w5, w6, w7, w8);
        v128.store(to, f32x4.pmax(sum, f32x4.mul(sum, f32x4.splat(slope))));
      }
    } else {
      for (; to < end; a += advance, to += outStep) {
        const sum = nine(a, x1, x2, line, start, w0, w1, w2, w3, w4, w5, w6, w7, w8);
        v128.store(to, activate(sum, tail, f32x4.splat(slope)));
      }
    }
  }
}

/** The sum of a window. */
@inline
function nine(
  a: usize,
  x1: usize,
  x2: usize,
  line: usize,
  start: v128,
  w0: v128,
  w1: v128,
  w2: v128,
  w3: v128,
  w4: v128,
  w5: v128,
  w6: v128,
  w7: v128,
  w8: v128,
): v128 {
  const b = a + line;
  const d = b + line;
  let sum = f32x4.add(start, f32x4.mul(v128.load(a), w0));
  let more = f32x4.mul(v128.load(a + x1), w1);
  sum = f32x4.add(sum, f32x4.mul(v128.load(a + x2), w2));
  more = f32x4.add(more, f32x4.mul(v128.load(b), w3));
  sum = f32x4.add(sum, f32x4.mul(v128.load(b + x1), w4));
  more = f32x4.add(more, f32x4.mul(v128.load(b + x2), w5));
  sum = f32x4.add(sum, f32x4.mul(v128.load(d), w6));
  more = f32x4.add(more, f32x4.mul(v128.load(d + x1), w7));
  sum = f32x4.add(sum, f32x4.mul(v128.load(d + x2), w8));
  return f32x4.add(sum, more);
}

/** Pixels `from` … `until` of a row, any kernel, with regard to the image's edges. */
function border(
  step: usize,
  weights: usize,
  bias: usize,
  channels: i32,
  tail: i32,
  slope: f32,
  n: i32,
  row: i32,
  from: i32,
  until: i32,
  line: usize,
  outStep: usize,
): void {
  const inHeight = word(step, Window.inHeight);
  const inWidth = word(step, Window.inWidth);
  const inStep = word(step, Window.inStride) << 2;
  const kernelHeight = word(step, Window.kernelHeight);
  const kernelWidth = word(step, Window.kernelWidth);
  const dilationY = word(step, Window.dilationY);
  const dilationX = word(step, Window.dilationX);
  const tap = ((channels + 3) & ~3) << 2;
  const top = row * word(step, Window.strideY) - word(step, Window.padTop);
  const firstY = firstTap(top, dilationY);
  const lastY = lastTap(top, dilationY, inHeight, kernelHeight);
  const image = word(step, Window.input) + (n * inHeight + top) * inWidth * inStep;
  for (let x = from; x < until; x++) {
    const left = x * word(step, Window.strideX) - word(step, Window.padLeft);
    const firstX = firstTap(left, dilationX);
    const lastX = lastTap(left, dilationX, inWidth, kernelWidth);
    const pixels = image + (left + firstX * dilationX) * inStep;
    for (let c = 0; c < channels; c += 4) {
      let sum = v128.load(bias + (c << 2));
      for (let ky = firstY; ky < lastY; ky++) {
        let at = pixels + ky * dilationY * inWidth * inStep + (c << 2);
        let w = weights + (ky * kernelWidth + firstX) * tap + (c << 2);
        for (let kx = firstX; kx < lastX; kx++) {
          sum = f32x4.add(sum, f32x4.mul(v128.load(at), v128.load(w)));
          at += dilationX * inStep;
          w += tap;
        }
      }
      const y = activate(sum, tail, f32x4.splat(slope));
      storeLanes(line + x * outStep + (c << 2), y, channels - c);
    }
  }
}

/** The first tap of an axis that lies in the image, `start` being where the kernel begins. */
@inline
export function firstTap(start: i32, dilation: i32): i32 {
  if (start >= 0) return 0;
  return dilation == 1 ? -start : (dilation - 1 - start) / dilation;
}

/** One past the last tap that does. */
@inline
export function lastTap(start: i32, dilation: i32, size: i32, taps: i32): i32 {
  if (start >= size) return 0;
  const count = dilation == 1 ? size - start : (size - start + dilation - 1) / dilation;
  return min(taps, count);
}
