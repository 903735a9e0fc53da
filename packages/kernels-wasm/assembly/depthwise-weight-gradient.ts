/**
 * Gradients of a depthwise convolution towards its weights and biases, 4 channels at a time. A chunk is
 * some rows of the output. A 3×3 kernel's 9 sums stay in registers along a row, also where the kernel reaches over an edge
 * (they went by memory there, which was half of the time of maps of 20×20 pixels); for other kernels each tap goes by itself.
 * `weightGradientSumChunk` adds up.
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
    const touches = top > -3 && top < word(step, Window.inHeight);
    for (let c: usize = 0; c < tap; c += 16) {
      if (nine && touches) addNine(step, line, top, c, sums + c, tap);
      else addTaps(step, line, 0, word(step, Window.outWidth), c, sums, tap);
    }
  }
}

/** A row of the output, by a 3×3 kernel that has a row in the image at least. */
function addNine(step: usize, line: i32, top: i32, c: usize, sums: usize, tap: usize): void {
  const width = word(step, Window.outWidth);
  const inWidth = word(step, Window.inWidth);
  const inHeight = word(step, Window.inHeight);
  const strideX = word(step, Window.strideX);
  const padLeft = word(step, Window.padLeft);
  const gStep = <usize>word(step, Window.outStride) << 2;
  const x1 = <usize>word(step, Window.inStride) << 2;
  const x2 = x1 << 1;
  const advance = x1 * strideX;
  const bottom = inHeight - 1;
  // A row outside of the image stands in for its neighbour: what it adds up is not kept.
  const row0 = max(top, 0);
  const row1 = max(0, min(top + 1, bottom));
  const row2 = min(top + 2, bottom);
  const down1 = (row1 - row0) * inWidth * x1;
  const down2 = (row2 - row0) * inWidth * x1;
  const n = line / word(step, Window.outHeight);
  const image = <usize>word(step, Window.input) + (n * inHeight + row0) * inWidth * x1 + c;
  // Columns whose kernel lies inside.
  const first = min((padLeft + strideX - 1) / strideX, width);
  const until = inWidth + padLeft < 3 ? 0 : min((inWidth + padLeft - 3) / strideX + 1, width);
  let g = <usize>word(step, Window.output) + line * width * gStep + c;
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
  for (let x = 0; x < width; x++) {
    const left = x * strideX - padLeft;
    let a = image + left * x1;
    if (x == first) {
      const end = g + max(until - first, 0) * gStep;
      for (; g < end; g += gStep, a += advance) {
        const value = v128.load(g);
        const b = a + down1;
        const d = a + down2;
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
      }
      if (until > first) {
        x = until - 1;
        continue;
      }
    }
    const value = v128.load(g);
    const b = a + down1;
    const d = a + down2;
    total = f32x4.add(total, value);
    if (<u32>left < <u32>inWidth) {
      s0 = f32x4.add(s0, f32x4.mul(value, v128.load(a)));
      s3 = f32x4.add(s3, f32x4.mul(value, v128.load(b)));
      s6 = f32x4.add(s6, f32x4.mul(value, v128.load(d)));
    }
    if (<u32>(left + 1) < <u32>inWidth) {
      s1 = f32x4.add(s1, f32x4.mul(value, v128.load(a + x1)));
      s4 = f32x4.add(s4, f32x4.mul(value, v128.load(b + x1)));
      s7 = f32x4.add(s7, f32x4.mul(value, v128.load(d + x1)));
    }
    if (<u32>(left + 2) < <u32>inWidth) {
      s2 = f32x4.add(s2, f32x4.mul(value, v128.load(a + x2)));
      s5 = f32x4.add(s5, f32x4.mul(value, v128.load(b + x2)));
      s8 = f32x4.add(s8, f32x4.mul(value, v128.load(d + x2)));
    }
    g += gStep;
  }
  if (top >= 0) keep(sums, tap, s0, s1, s2);
  if (top >= -1 && top + 1 < inHeight) keep(sums + tap * 3, tap, s3, s4, s5);
  if (top + 2 < inHeight) keep(sums + tap * 6, tap, s6, s7, s8);
  v128.store(sums + tap * 9, total);
}

/** The sums of a row of the kernel. */
@inline
function keep(to: usize, tap: usize, a: v128, b: v128, c: v128): void {
  v128.store(to, a);
  v128.store(to + tap, b);
  v128.store(to + tap * 2, c);
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
