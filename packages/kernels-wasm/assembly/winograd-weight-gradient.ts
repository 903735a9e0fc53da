/**
 * Gradient to the weights of a 3×3 convolution with stride 1 by Winograd's F(4×4, 3×3): Gᵀ [Σ (A g Aᵀ) ⊙ (Bᵀ d B)] G over the
 * tiles of 4×4 output pixels, 36 products for each instead of 144 (the gradient of `winograd.ts`).
 *
 * A chunk is one of the six rows of the transform for a segment of tiles and some output channels. It takes a block of tiles at
 * a time: transforms inputs and gradients into the thread's own memory, small enough for the first-level cache, and adds
 * their six products to the segment's sums. So no transform goes through shared memory, and none is made twice: a row of one
 * takes rows of the input of its own. A second step adds up the segments and transforms back.
 *
 * All rows of both transforms are (a + α·b) + β·(x + α·y) of four rows of pixels, some of them zeros.
 *
 * Milliseconds of both steps, and of those of `weight-gradient.ts` (AMD EPYC model 2 of family 26, one thread, Node 20,
 * 2026-11-30, the least of 40 runs beside other work), an image of 40×40 pixels: 64→64 channels 1.05 and 2.64, 32→32 0.30 and 0.66,
 * 16→16 0.11 and 0.18, 8→8 0.05 and 0.05. Errors are those of Winograd's input gradients: the root mean square of 1e-6 of the
 * gradient's, where products have 1e-7.
 */
import { WinogradWeightGradient, WinogradWeightGradientSum } from "../src/gradient-records";
import { Window } from "../src/records";
import { zeroFloats } from "./copy";
import { word } from "./team";
import { multiply } from "./weight-gradient";
import { forward } from "./winograd";

/** Output pixels along a tile's side, and input pixels along its window's. */
const TILE = 4;
const WINDOW = 6;
/** Bytes between matrices, so that they do not begin in the same lines of the cache (`winograd.ts`). */
const APART = 64;

export function winogradWeightGradientChunk(step: usize, chunk: i32, thread: i32): void {
  const channels = word(step, WinogradWeightGradient.inChannels);
  const outputs = word(step, WinogradWeightGradient.outChannels);
  const block = word(step, WinogradWeightGradient.blockOutputs);
  const parts = (outputs + block - 1) / block;
  const row = chunk % WINDOW;
  const from = ((chunk / WINDOW) % parts) * block;
  const segment = chunk / (WINDOW * parts);
  const mine = min(block, outputs - from);
  const down = (word(step, Window.outHeight) + TILE - 1) / TILE;
  const across = (word(step, Window.outWidth) + TILE - 1) / TILE;
  const size = word(step, WinogradWeightGradient.segmentTiles);
  const begin = segment * size;
  const end = min(begin + size, word(step, Window.batch) * down * across);
  const most = word(step, WinogradWeightGradient.blockTiles);

  const width = <usize>((channels + 7) & ~7) << 2;
  const height = (outputs + 3) & ~3;
  const gWidth = <usize>block << 2;
  const zeros =
    <usize>word(step, WinogradWeightGradient.scratch) +
    thread * word(step, WinogradWeightGradient.scratchBytes);
  const inputs = zeroFloats(zeros, (max(channels, block) + 7) & ~7);
  const inputStep = most * width + APART;
  const gradients = inputs + inputStep * WINDOW;
  const gradientStep = most * gWidth + APART;
  const matrix = height * width + APART;
  const sums =
    <usize>word(step, WinogradWeightGradient.partial) +
    (segment * WINDOW + row) * WINDOW * matrix +
    from * width;
  for (let first = begin; first < end; first += most) {
    const count = min(most, end - first);
    for (let i = 0; i < count; i++) {
      const tile = first + i;
      const n = tile / (across * down);
      const top = (tile / across) % down;
      const left = tile % across;
      inputRow(step, row, n, top, left, channels, zeros, inputs + i * width, inputStep);
      gradientRow(step, row, n, top, left, from, mine, zeros, gradients + i * gWidth, gradientStep);
    }
    for (let j = 0; j < WINDOW; j++) {
      multiply(
        gradients + j * gradientStep,
        gWidth,
        mine,
        inputs + j * inputStep,
        width,
        channels,
        count,
        sums + j * matrix,
        width,
        first == begin,
      );
    }
  }
}

/** (a + α·b) + β·(x + α·y) of four pixels. */
@inline
function ofFour(a: usize, b: usize, x: usize, y: usize, alpha: v128, beta: v128): v128 {
  const even = f32x4.add(v128.load(a), f32x4.mul(alpha, v128.load(b)));
  const odd = f32x4.add(v128.load(x), f32x4.mul(alpha, v128.load(y)));
  return f32x4.add(even, f32x4.mul(beta, odd));
}

/** A row of Bᵀ d B: six values of each channel, `toStep` bytes apart. */
function inputRow(
  step: usize,
  row: i32,
  n: i32,
  top: i32,
  left: i32,
  channels: i32,
  zeros: usize,
  to: usize,
  toStep: usize,
): void {
  const y = top * TILE - word(step, Window.padTop);
  const x = left * TILE - word(step, Window.padLeft);
  const inWidth = word(step, Window.inWidth);
  const height = word(step, Window.inHeight);
  const pixel = <usize>word(step, Window.inStride) << 2;
  const image = <usize>word(step, Window.input) + n * height * inWidth * pixel;
  // The first row: d4 − 5·d2 + 4·d0, the last the same one further; between them d4 + α·d2 + β·(d3 + α·d1).
  const ends = row == 0 || row == 5;
  const shift = row == 5 ? 1 : 0;
  const r0 = y + 4 + shift;
  const r1 = y + 2 + shift;
  const r2 = ends ? y + shift : y + 3;
  const r3 = ends ? -1 : y + 1;
  const outer = row > 2;
  const alpha = f32x4.splat(ends ? -5 : outer ? -1 : -4);
  const beta = f32x4.splat(ends ? 4 : (outer ? <f32>2 : <f32>1) * (row & 1 ? <f32>1 : <f32>-1));
  const line = pixel * inWidth;
  const is0 = <u32>r0 < <u32>height;
  const is1 = <u32>r1 < <u32>height;
  const is2 = <u32>r2 < <u32>height;
  const is3 = <u32>r3 < <u32>height;
  // A row of zeros is one pixel that all columns share.
  const step0: usize = is0 ? pixel : 0;
  const step1: usize = is1 ? pixel : 0;
  const step2: usize = is2 ? pixel : 0;
  const step3: usize = is3 ? pixel : 0;
  const at0 = is0 ? image + r0 * line + x * pixel : zeros;
  const at1 = is1 ? image + r1 * line + x * pixel : zeros;
  const at2 = is2 ? image + r2 * line + x * pixel : zeros;
  const at3 = is3 ? image + r3 * line + x * pixel : zeros;
  const first = max(0, -x);
  const end = min(WINDOW, inWidth - x);
  for (let c: usize = 0; c < <usize>channels << 2; c += 16) {
    let d0 = f32x4.splat(0);
    let d1 = d0;
    let d2 = d0;
    let d3 = d0;
    let d4 = d0;
    let d5 = d0;
    let a = at0 + c;
    let b = at1 + c;
    let p = at2 + c;
    let q = at3 + c;
    if (first <= 0 && end > 0) d0 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (first <= 1 && end > 1) d1 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (first <= 2 && end > 2) d2 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (first <= 3 && end > 3) d3 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (first <= 4 && end > 4) d4 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (first <= 5 && end > 5) d5 = ofFour(a, b, p, q, alpha, beta);
    forward(to + c, toStep, d0, d1, d2, d3, d4, d5);
  }
}

/** A row of A g Aᵀ of some output channels: six values of each. */
function gradientRow(
  step: usize,
  row: i32,
  n: i32,
  top: i32,
  left: i32,
  channel: i32,
  channels: i32,
  zeros: usize,
  to: usize,
  toStep: usize,
): void {
  const y = top * TILE;
  const x = left * TILE;
  const width = word(step, Window.outWidth);
  const height = word(step, Window.outHeight);
  const pixel = <usize>word(step, Window.outStride) << 2;
  const line = pixel * width;
  const corner =
    <usize>word(step, Window.output) +
    ((n * height + y) * width + x) * pixel +
    (<usize>channel << 2);
  // The first row is g0, the last g3; between them g0 + α·g2 + β·(g1 + α·g3).
  const ends = row == 0 || row == 5;
  const r0 = row == 5 ? 3 : 0;
  const outer = row > 2;
  const alpha = f32x4.splat(outer ? 4 : 1);
  const beta = f32x4.splat((outer ? <f32>2 : <f32>1) * (row & 1 ? <f32>1 : <f32>-1));
  const is0 = y + r0 < height;
  const is1 = !ends && y + 2 < height;
  const is2 = !ends && y + 1 < height;
  const is3 = !ends && y + 3 < height;
  const step0: usize = is0 ? pixel : 0;
  const step1: usize = is1 ? pixel : 0;
  const step2: usize = is2 ? pixel : 0;
  const step3: usize = is3 ? pixel : 0;
  const at0 = is0 ? corner + r0 * line : zeros;
  const at1 = is1 ? corner + line * 2 : zeros;
  const at2 = is2 ? corner + line : zeros;
  const at3 = is3 ? corner + line * 3 : zeros;
  const end = width - x;
  const four = f32x4.splat(4);
  for (let c: usize = 0; c < <usize>channels << 2; c += 16) {
    let g1 = f32x4.splat(0);
    let g2 = g1;
    let g3 = g1;
    let a = at0 + c;
    let b = at1 + c;
    let p = at2 + c;
    let q = at3 + c;
    const g0 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (end > 1) g1 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (end > 2) g2 = ofFour(a, b, p, q, alpha, beta);
    a += step0;
    b += step1;
    p += step2;
    q += step3;
    if (end > 3) g3 = ofFour(a, b, p, q, alpha, beta);
    const even = f32x4.add(g0, g2);
    const odd = f32x4.add(g1, g3);
    const evenly = f32x4.add(g0, f32x4.mul(g2, four));
    const oddly = f32x4.add(g1, f32x4.mul(g3, four));
    const twice = f32x4.add(oddly, oddly);
    const place = to + c;
    v128.store(place, g0);
    v128.store(place + toStep, f32x4.add(even, odd));
    v128.store(place + toStep * 2, f32x4.sub(even, odd));
    v128.store(place + toStep * 3, f32x4.add(evenly, twice));
    v128.store(place + toStep * 4, f32x4.sub(evenly, twice));
    v128.store(place + toStep * 5, g3);
  }
}

export function winogradWeightGradientSumChunk(step: usize, chunk: i32, thread: i32): void {
  const size = word(step, WinogradWeightGradientSum.chunkOutputs);
  const outputs = word(step, WinogradWeightGradientSum.outputs);
  const channels = word(step, WinogradWeightGradientSum.channels);
  const segments = word(step, WinogradWeightGradientSum.segments);
  const last = min(chunk * size + size, outputs);
  const width = <usize>((channels + 7) & ~7) << 2;
  const matrix = ((outputs + 3) & ~3) * width + APART;
  const half =
    <usize>word(step, WinogradWeightGradientSum.scratch) +
    thread * word(step, WinogradWeightGradientSum.scratchBytes);
  for (let output = chunk * size; output < last; output++) {
    const sums = <usize>word(step, WinogradWeightGradientSum.partial) + output * width;
    const weight = <usize>word(step, WinogradWeightGradientSum.weight) + ((output * channels * 9) << 2);
    for (let c = 0; c < channels; c += 4) {
      const from = sums + (<usize>c << 2);
      for (let j = 0; j < WINDOW; j++) {
        const at = from + <usize>j * matrix;
        const down = matrix * WINDOW;
        const m0 = total(at, segments, matrix);
        const m1 = total(at + down, segments, matrix);
        const m2 = total(at + down * 2, segments, matrix);
        const m3 = total(at + down * 3, segments, matrix);
        const m4 = total(at + down * 4, segments, matrix);
        const m5 = total(at + down * 5, segments, matrix);
        back(half + <usize>j * 16, WINDOW * 16, m0, m1, m2, m3, m4, m5);
      }
      for (let i = 0; i < 3; i++) {
        const at = half + <usize>i * (WINDOW * 16);
        const m0 = v128.load(at);
        const m1 = v128.load(at, 16);
        const m2 = v128.load(at, 32);
        const m3 = v128.load(at, 48);
        const m4 = v128.load(at, 64);
        const m5 = v128.load(at, 80);
        back(at, 16, m0, m1, m2, m3, m4, m5);
        const to = weight + ((c * 9 + i * 3) << 2);
        for (let j = 0; j < 3; j++) put(to + (j << 2), v128.load(at + <usize>j * 16), channels - c);
      }
    }
  }
}

/** What all segments have. */
@inline
function total(at: usize, segments: i32, matrix: usize): v128 {
  let sum = v128.load(at);
  for (let i = 1; i < segments; i++) {
    at += matrix * (WINDOW * WINDOW);
    sum = f32x4.add(sum, v128.load(at));
  }
  return sum;
}

/** Gᵀ of one column. */
@inline
function back(to: usize, by: usize, m0: v128, m1: v128, m2: v128, m3: v128, m4: v128, m5: v128): void {
  const a = f32x4.mul(f32x4.add(m1, m2), f32x4.splat(1.0 / 6.0));
  const b = f32x4.mul(f32x4.sub(m2, m1), f32x4.splat(1.0 / 6.0));
  const c = f32x4.add(m3, m4);
  const d = f32x4.mul(f32x4.sub(m3, m4), f32x4.splat(1.0 / 12.0));
  const start = f32x4.sub(f32x4.mul(m0, f32x4.splat(0.25)), a);
  v128.store(to, f32x4.add(start, f32x4.mul(c, f32x4.splat(1.0 / 24.0))));
  v128.store(to + by, f32x4.add(b, d));
  v128.store(to + by * 2, f32x4.add(f32x4.sub(f32x4.mul(c, f32x4.splat(1.0 / 6.0)), a), m5));
}

/** A tap of the first `lanes` of four channels, nine floats apart. */
@inline
function put(to: usize, x: v128, lanes: i32): void {
  v128.store32_lane(to, x, 0);
  if (lanes > 1) v128.store32_lane(to, x, 1, 36);
  if (lanes > 2) v128.store32_lane(to, x, 2, 72);
  if (lanes > 3) v128.store32_lane(to, x, 3, 108);
}
