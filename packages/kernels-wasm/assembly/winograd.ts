/**
 * 3×3 convolution with stride 1 by Winograd's F(4×4, 3×3) (Lavin and Gray 2016): 36 products for
 * 4×4 output pixels instead of 144. A chunk takes some tiles through all of it in the thread's own
 * memory: windows of 6×6 pixels are transformed (Bᵀ d B), 36 products of tiles × channels with the
 * transformed weights, and back (Aᵀ m A).
 *
 * Measured on 80×80 pixels, one thread (Xeon model 167, Node 20.20, 2026-11-29): 64→64 channels 4.7 ms
 * instead of the product's 14, 64→16 1.3 instead of 3.7, 16→16 0.43 instead of 0.98, 8→8 0.17 instead of
 * 0.35. It won at 4 channels too, by less; the chooser starts at 8.
 *
 * The transforms cost accuracy: with 64 channels the largest error is about 6 times the product's, 4e-5
 * instead of 7e-6 of the outputs' root mean square for inputs with outliers (`conv2d.test.ts`). Over the
 * whole network that is 1.5e-5 of a logit. F(2×2, 3×3) would lose less and needs 64 products.
 */
import { Conv, Window } from "../src/records";
import { copyFloats, zeroFloats } from "./copy";
import { product } from "./product";
import { residualAt } from "./residual";
import { activate, finish, loadLanes, storeLanes } from "./tail";
import { float, word } from "./team";

/** Output pixels along a tile's side, and input pixels along its window's. */
const TILE = 4;
const WINDOW = 6;
/**
 * Bytes between two of the 36 matrices: without, those of 16 tiles × 64 channels begin 4 KiB apart,
 * in the same lines of the first-level cache, and 80×80×64 takes 13.4 ms instead of 4.8.
 */
const APART = 64;

/** Bytes from one matrix of weights to the next, `src/conv2d/pack.ts` tells why. */
@inline
export function winogradMatrix(inChannels: i32, outWidth8: i32): usize {
  return (<usize>(inChannels * outWidth8) << 2) + APART;
}

export function winogradChunk(step: usize, chunk: i32, thread: i32): void {
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const down = (outHeight + TILE - 1) / TILE;
  const across = (outWidth + TILE - 1) / TILE;
  const size = word(step, Conv.chunkPixels);
  const first = chunk * size;
  const count = min(size, word(step, Window.batch) * down * across - first);
  const inChannels = word(step, Conv.inChannels);
  const outChannels = word(step, Conv.outChannels);
  const inWidth4 = inChannels + 3 & ~3;
  const outWidth8 = outChannels + 7 & ~7;

  // The window with its border of zeros, a column's transform, windows transformed, products.
  const border = <usize>word(step, Conv.scratch) + thread * word(step, Conv.scratchBytes);
  const column = border + (<usize>(WINDOW * WINDOW * inChannels) << 2) + 31 & ~15;
  const before = column + WINDOW * WINDOW * 16;
  const beforeStep = (<usize>(size * inWidth4) << 2) + APART;
  const after = before + beforeStep * (WINDOW * WINDOW);
  const afterStep = (<usize>(size * outWidth8) << 2) + APART;

  for (let i = 0; i < count; i++) {
    const tile = first + i;
    const n = tile / (across * down);
    const top = (tile / across) % down;
    const to = before + (<usize>(i * inWidth4) << 2);
    enter(step, n, top, tile % across, border, column, to, beforeStep, inChannels);
  }
  const matrix = winogradMatrix(inChannels, outWidth8);
  for (let i = 0; i < WINDOW * WINDOW; i++) {
    product(
      before + beforeStep * i,
      <usize>inWidth4 << 2,
      count,
      inChannels,
      <usize>word(step, Conv.weights) + matrix * i,
      outWidth8,
      0,
      after + afterStep * i,
      <usize>outWidth8 << 2,
      0,
      0,
      0,
      0,
    );
  }
  for (let i = 0; i < count; i++) {
    const tile = first + i;
    const n = tile / (across * down);
    const top = (tile / across) % down;
    const from = after + (<usize>(i * outWidth8) << 2);
    leave(step, n, top, tile % across, column, from, afterStep, outChannels);
  }
}

/** Transforms the window of a tile. */
function enter(
  step: usize,
  n: i32,
  top: i32,
  left: i32,
  border: usize,
  column: usize,
  to: usize,
  toStep: usize,
  channels: i32,
): void {
  const inHeight = word(step, Window.inHeight);
  const inWidth = word(step, Window.inWidth);
  const y = top * TILE - word(step, Window.padTop);
  const x = left * TILE - word(step, Window.padLeft);
  let pixel = <usize>word(step, Window.inStride) << 2;
  let line = pixel * inWidth;
  let from = word(step, Window.input) + ((n * inHeight + y) * inWidth + x) * pixel;
  if (y < 0 || x < 0 || y + WINDOW > inHeight || x + WINDOW > inWidth) {
    gather(from, pixel, line, border, y, x, inHeight, inWidth, channels);
    from = border;
    pixel = <usize>channels << 2;
    line = pixel * WINDOW;
  }
  for (let c = 0; c < channels; c += 4) {
    for (let j = 0; j < WINDOW; j++) {
      const at = from + pixel * j + (c << 2);
      const d0 = v128.load(at);
      const d1 = v128.load(at + line);
      const d2 = v128.load(at + line * 2);
      const d3 = v128.load(at + line * 3);
      const d4 = v128.load(at + line * 4);
      const d5 = v128.load(at + line * 5);
      forward(column + j * 16, WINDOW * 16, d0, d1, d2, d3, d4, d5);
    }
    for (let i = 0; i < WINDOW; i++) {
      const at = column + i * (WINDOW * 16);
      const d0 = v128.load(at);
      const d1 = v128.load(at, 16);
      const d2 = v128.load(at, 32);
      const d3 = v128.load(at, 48);
      const d4 = v128.load(at, 64);
      const d5 = v128.load(at, 80);
      forward(to + i * WINDOW * toStep + (c << 2), toStep, d0, d1, d2, d3, d4, d5);
    }
  }
}

/** Copies a window that reaches over the image's edge. */
function gather(
  from: usize,
  pixel: usize,
  line: usize,
  to: usize,
  y: i32,
  x: i32,
  inHeight: i32,
  inWidth: i32,
  channels: i32,
): void {
  for (let i = 0; i < WINDOW; i++) {
    for (let j = 0; j < WINDOW; j++) {
      const inside = <u32>(y + i) < <u32>inHeight && <u32>(x + j) < <u32>inWidth;
      if (inside) to = copyFloats(from + line * i + pixel * j, to, channels);
      else to = zeroFloats(to, channels);
    }
  }
}

/** Bᵀ d of one column, `step` bytes between the results. */
@inline
export function forward(
  to: usize,
  step: usize,
  d0: v128,
  d1: v128,
  d2: v128,
  d3: v128,
  d4: v128,
  d5: v128,
): void {
  const four = f32x4.splat(4);
  const five = f32x4.splat(5);
  const a = f32x4.sub(d4, f32x4.mul(d2, four));
  const b = f32x4.sub(d3, f32x4.mul(d1, four));
  const c = f32x4.sub(d4, d2);
  const e = f32x4.sub(d3, d1);
  const twice = f32x4.add(e, e);
  v128.store(to, f32x4.add(f32x4.sub(f32x4.mul(d0, four), f32x4.mul(d2, five)), d4));
  v128.store(to + step, f32x4.add(a, b));
  v128.store(to + step * 2, f32x4.sub(a, b));
  v128.store(to + step * 3, f32x4.add(c, twice));
  v128.store(to + step * 4, f32x4.sub(c, twice));
  v128.store(to + step * 5, f32x4.add(f32x4.sub(f32x4.mul(d1, four), f32x4.mul(d3, five)), d5));
}

/** Transforms a tile's products back and stores its pixels. */
function leave(
  step: usize,
  n: i32,
  top: i32,
  left: i32,
  column: usize,
  from: usize,
  fromStep: usize,
  channels: i32,
): void {
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const y = top * TILE;
  const x = left * TILE;
  const bottom = min(TILE, outHeight - y);
  const right = min(TILE, outWidth - x);
  const pixel = <usize>word(step, Window.outStride) << 2;
  const corner = word(step, Window.output) + ((n * outHeight + y) * outWidth + x) * pixel;
  const bias = word(step, Conv.bias);
  const tail = word(step, Conv.tail);
  const slope = f32x4.splat(float(step, Conv.slope));
  const hasResidual = word(step, Conv.residual) != 0;
  const order = word(step, Conv.residualOrder);
  for (let c = 0; c < channels; c += 4) {
    const lanes = channels - c;
    const start = v128.load(bias + (c << 2));
    for (let j = 0; j < WINDOW; j++) {
      const at = from + j * fromStep + (c << 2);
      const row = fromStep * WINDOW;
      const m0 = v128.load(at);
      const m1 = v128.load(at + row);
      const m2 = v128.load(at + row * 2);
      const m3 = v128.load(at + row * 3);
      const m4 = v128.load(at + row * 4);
      const m5 = v128.load(at + row * 5);
      backward(column + j * 16, WINDOW * 16, m0, m1, m2, m3, m4, m5);
    }
    for (let i = 0; i < bottom; i++) {
      const at = column + i * (WINDOW * 16);
      const m0 = v128.load(at);
      const m1 = v128.load(at, 16);
      const m2 = v128.load(at, 32);
      const m3 = v128.load(at, 48);
      const m4 = v128.load(at, 64);
      const m5 = v128.load(at, 80);
      backward(at, 16, m0, m1, m2, m3, m4, m5);
      for (let j = 0; j < right; j++) {
        const sum = f32x4.add(v128.load(at + j * 16), start);
        const to = corner + (i * outWidth + j) * pixel + (c << 2);
        if (hasResidual) {
          const residual = residualAt(step, Conv.residual, n, y + i, x + j) + (c << 2);
          storeLanes(to, finish(sum, loadLanes(residual, lanes), order, tail, slope), lanes);
        } else if (lanes >= 4) {
          v128.store(to, activate(sum, tail, slope));
        } else {
          storeLanes(to, activate(sum, tail, slope), lanes);
        }
      }
    }
  }
}

/** Aᵀ m of one column. */
@inline
function backward(
  to: usize,
  step: usize,
  m0: v128,
  m1: v128,
  m2: v128,
  m3: v128,
  m4: v128,
  m5: v128,
): void {
  const a = f32x4.add(m1, m2);
  const b = f32x4.sub(m1, m2);
  const c = f32x4.add(m3, m4);
  const d = f32x4.sub(m3, m4);
  const twice = f32x4.add(d, d);
  v128.store(to, f32x4.add(f32x4.add(m0, a), c));
  v128.store(to + step, f32x4.add(b, twice));
  v128.store(to + step * 2, f32x4.add(a, f32x4.mul(c, f32x4.splat(4))));
  v128.store(to + step * 3, f32x4.add(f32x4.add(b, f32x4.mul(d, f32x4.splat(8))), m5));
}
