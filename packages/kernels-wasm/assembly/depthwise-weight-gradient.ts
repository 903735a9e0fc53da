/**
 * Gradients of a depthwise convolution towards its weights and biases, 4 channels at a time. A chunk is
 * some rows of the output. Where a 3×3 kernel lies inside the image, its 9 sums stay in registers along a
 * row; at the borders, and for other kernels, each tap goes by itself. `weightGradientSumChunk` adds up.
 */
import { DepthwiseWeightGradient } from "../src/gradient-records";
import { Window } from "../src/records";
import { firstTap, lastTap } from "./depthwise";
import { word } from "./team";

export function depthwiseWeightGradientChunk(step: usize, chunk: i32): void {
  const size = word(step, DepthwiseWeightGradient.segmentRows);
  const height = word(step, Window.outHeight);
  const last = min(chunk * size + size, word(step, Window.batch) * height);
  const kernelHeight = word(step, Window.kernelHeight);
  const kernelWidth = word(step, Window.kernelWidth);
  const taps = kernelHeight * kernelWidth;
  const tap = <usize>((word(step, DepthwiseWeightGradient.channels) + 3) & ~3) << 2;
  const sums = <usize>word(step, DepthwiseWeightGradient.partial) + chunk * (taps + 1) * tap;
  for (let at = sums; at < sums + (taps + 1) * tap; at += 16) v128.store(at, f32x4.splat(0));
  const nine =
    kernelHeight == 3 &&
    kernelWidth == 3 &&
    word(step, Window.dilationY) == 1 &&
    word(step, Window.dilationX) == 1;
  for (let line = chunk * size; line < last; line++) {
    const top = (line % height) * word(step, Window.strideY) - word(step, Window.padTop);
    const inside = nine && top >= 0 && top + 3 <= word(step, Window.inHeight);
    addLine(step, line, inside, sums, tap);
  }
}

/** A row of the output. */
function addLine(step: usize, line: i32, inside: bool, sums: usize, tap: usize): void {
  const width = word(step, Window.outWidth);
  const inWidth = word(step, Window.inWidth);
  const strideX = word(step, Window.strideX);
  const padLeft = word(step, Window.padLeft);
  const first = min((padLeft + strideX - 1) / strideX, width);
  const end = inWidth + padLeft < 3 ? 0 : min((inWidth + padLeft - 3) / strideX + 1, width);
  const from = inside ? first : width;
  const until = max(from, end);
  for (let c: usize = 0; c < tap; c += 16) {
    addTaps(step, line, 0, from, c, sums, tap);
    if (from < until) addNine(step, line, from, until, c, sums + c, tap);
    addTaps(step, line, until, width, c, sums, tap);
  }
}

/** Pixels whose 3×3 windows lie inside the image. */
function addNine(
  step: usize,
  line: i32,
  from: i32,
  until: i32,
  c: usize,
  sums: usize,
  tap: usize,
): void {
  const height = word(step, Window.outHeight);
  const width = word(step, Window.outWidth);
  const gStep = <usize>word(step, Window.outStride) << 2;
  const x1 = <usize>word(step, Window.inStride) << 2;
  const x2 = x1 << 1;
  const down = x1 * word(step, Window.inWidth);
  const advance = x1 * word(step, Window.strideX);
  const y = (line % height) * word(step, Window.strideY) - word(step, Window.padTop);
  const x = from * word(step, Window.strideX) - word(step, Window.padLeft);
  const row = (line / height) * word(step, Window.inHeight) + y;
  let a = <usize>word(step, Window.input) + (row * word(step, Window.inWidth) + x) * x1 + c;
  let g = <usize>word(step, Window.output) + (line * width + from) * gStep + c;
  const end = g + (until - from) * gStep;
  let s0 = v128.load(sums);
  let s1 = v128.load(sums + tap);
  let s2 = v128.load(sums + tap * 2);
  let s3 = v128.load(sums + tap * 3);
  let s4 = v128.load(sums + tap * 4);
  let s5 = v128.load(sums + tap * 5);
  let s6 = v128.load(sums + tap * 6);
  let s7 = v128.load(sums + tap * 7);
  let s8 = v128.load(sums + tap * 8);
  let total = v128.load(sums + tap * 9);
  do {
    const value = v128.load(g);
    const b = a + down;
    const d = b + down;
    total = f32x4.add(total, value);
    s0 = f32x4.add(s0, f32x4.mul(value, v128.load(a)));
    s1 = f32x4.add(s1, f32x4.mul(value, v128.load(a + x1)));
    s2 = f32x4.add(s2, f32x4.mul(value, v128.load(a + x2)));
    s3 = f32x4.add(s3, f32x4.mul(value, v128.load(b)));
    s4 = f32x4.add(s4, f32x4.mul(value, v128.load(b + x1)));
    s5 = f32x4.add(s5, f32x4.mul(value, v128.load(b + x2)));
    s6 = f32x4.add(s6, f32x4.mul(value, v128.load(d)));
    s7 = f32x4.add(s7, f32x4.mul(value, v128.load(d + x1)));
    s8 = f32x4.add(s8, f32x4.mul(value, v128.load(d + x2)));
    a += advance;
    g += gStep;
  } while (g < end);
  v128.store(sums, s0);
  v128.store(sums + tap, s1);
  v128.store(sums + tap * 2, s2);
  v128.store(sums + tap * 3, s3);
  v128.store(sums + tap * 4, s4);
  v128.store(sums + tap * 5, s5);
  v128.store(sums + tap * 6, s6);
  v128.store(sums + tap * 7, s7);
  v128.store(sums + tap * 8, s8);
  v128.store(sums + tap * 9, total);
}

/** Pixels `from` … `until` of a row, any kernel, with regard to the image's edges. */
function addTaps(
  step: usize,
  line: i32,
  from: i32,
  until: i32,
  c: usize,
  sums: usize,
  tap: usize,
): void {
  const height = word(step, Window.outHeight);
  const inHeight = word(step, Window.inHeight);
  const inWidth = word(step, Window.inWidth);
  const inStep = word(step, Window.inStride) << 2;
  const kernelHeight = word(step, Window.kernelHeight);
  const kernelWidth = word(step, Window.kernelWidth);
  const gStep = <usize>word(step, Window.outStride) << 2;
  const n = line / height;
  const top = (line % height) * word(step, Window.strideY) - word(step, Window.padTop);
  const dilationY = word(step, Window.dilationY);
  const dilationX = word(step, Window.dilationX);
  const bias = sums + kernelHeight * kernelWidth * tap + c;
  const firstY = firstTap(top, dilationY);
  const lastY = lastTap(top, dilationY, inHeight, kernelHeight);
  const image = <usize>word(step, Window.input) + (n * inHeight + top) * inWidth * inStep + c;
  for (let x = from; x < until; x++) {
    const left = x * word(step, Window.strideX) - word(step, Window.padLeft);
    const firstX = firstTap(left, dilationX);
    const lastX = lastTap(left, dilationX, inWidth, kernelWidth);
    const at = (line * word(step, Window.outWidth) + x) * gStep;
    const value = v128.load(<usize>word(step, Window.output) + at + c);
    v128.store(bias, f32x4.add(v128.load(bias), value));
    for (let ky = firstY; ky < lastY; ky++) {
      let pixel = image + (ky * dilationY * inWidth + left + firstX * dilationX) * inStep;
      let to = sums + (ky * kernelWidth + firstX) * tap + c;
      for (let kx = firstX; kx < lastX; kx++) {
        v128.store(to, f32x4.add(v128.load(to), f32x4.mul(value, v128.load(pixel))));
        pixel += dilationX * inStep;
        to += tap;
      }
    }
  }
}
