/**
 * Largest values with where they were, and the gradients of pools. A gradient is scattered: a chunk
 * is some channels of an image, which one thread fills with zeros and then adds to in a fixed order.
 */
import { Window } from "../../src/records";
import { PoolGradient, PoolGradientKind, PoolPositions } from "../../src/training/records";
import { storeLanes } from "../tail";
import { word } from "../team";

export function poolPositionsChunk(step: usize, chunk: i32): void {
  const size = word(step, PoolPositions.chunkPixels);
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const first = chunk * size;
  const last = min(first + size, word(step, Window.batch) * outHeight * outWidth);
  for (let pixel = first; pixel < last; pixel++) {
    const n = pixel / (outWidth * outHeight);
    largest(step, n, (pixel / outWidth) % outHeight, pixel % outWidth, pixel);
  }
}

/** The first of equal ones wins, and NaN wins over all. */
function largest(step: usize, n: i32, row: i32, column: i32, pixel: i32): void {
  const inHeight = word(step, Window.inHeight);
  const inWidth = word(step, Window.inWidth);
  const channels = word(step, PoolPositions.channels);
  const top = row * word(step, Window.strideY) - word(step, Window.padTop);
  const left = column * word(step, Window.strideX) - word(step, Window.padLeft);
  const out = <usize>(pixel * channels) << 2;
  for (let c = 0; c < channels; c += 4) {
    let best = f32x4.splat(-Infinity);
    let where = i32x4.splat(-1);
    for (let ky = 0; ky < word(step, Window.kernelHeight); ky++) {
      const y = top + ky * word(step, Window.dilationY);
      if (<u32>y >= <u32>inHeight) continue;
      for (let kx = 0; kx < word(step, Window.kernelWidth); kx++) {
        const x = left + kx * word(step, Window.dilationX);
        if (<u32>x >= <u32>inWidth) continue;
        const place = y * inWidth + x;
        const at = <usize>((n * inHeight * inWidth + place) * channels + c) << 2;
        const value = v128.load(word(step, Window.input) + at);
        const kept = v128.or(f32x4.le(value, best), f32x4.ne(best, best));
        const isFirst = i32x4.lt_s(where, i32x4.splat(0));
        const wins = v128.or(v128.not(kept), isFirst);
        best = v128.bitselect(value, best, wins);
        where = v128.bitselect(i32x4.splat(place), where, wins);
      }
    }
    const to = out + (<usize>c << 2);
    storeLanes(word(step, Window.output) + to, best, channels - c);
    storeLanes(word(step, PoolPositions.positions) + to, where, channels - c);
  }
}

export function poolGradientChunk(step: usize, chunk: i32): void {
  const size = word(step, PoolGradient.chunkChannels);
  const channels = word(step, PoolGradient.channels);
  const blocks = (channels + size - 1) / size;
  const n = chunk / blocks;
  const first = (chunk % blocks) * size;
  const last = min(first + size, channels);
  const pixels = word(step, Window.inHeight) * word(step, Window.inWidth);
  const target = word(step, Window.input) + (<usize>(n * pixels * channels) << 2);
  for (let pixel = 0; pixel < pixels; pixel++) {
    memory.fill(target + (<usize>(pixel * channels + first) << 2), 0, (last - first) << 2);
  }
  const outPixels = word(step, Window.outHeight) * word(step, Window.outWidth);
  const isMax = word(step, PoolGradient.kind) == PoolGradientKind.max;
  for (let pixel = 0; pixel < outPixels; pixel++) {
    const from = <usize>((n * outPixels + pixel) * channels) << 2;
    if (isMax) toPositions(step, target, from, first, last, channels);
    else toWindow(step, target, from, first, last, pixel);
  }
}

function toPositions(
  step: usize,
  target: usize,
  from: usize,
  first: i32,
  last: i32,
  channels: i32,
): void {
  for (let c = first; c < last; c++) {
    const at = from + (<usize>c << 2);
    const position = load<i32>(word(step, PoolGradient.positions) + at);
    // A window of padding alone has no largest.
    if (position < 0) continue;
    const to = target + (<usize>(position * channels + c) << 2);
    store<f32>(to, load<f32>(to) + load<f32>(word(step, Window.output) + at));
  }
}

function toWindow(
  step: usize,
  target: usize,
  from: usize,
  first: i32,
  last: i32,
  pixel: i32,
): void {
  const outWidth = word(step, Window.outWidth);
  const top = (pixel / outWidth) * word(step, Window.strideY) - word(step, Window.padTop);
  const left = (pixel % outWidth) * word(step, Window.strideX) - word(step, Window.padLeft);
  const height = word(step, Window.kernelHeight);
  const width = word(step, Window.kernelWidth);
  const dilationY = word(step, Window.dilationY);
  const dilationX = word(step, Window.dilationX);
  const least = word(step, PoolGradient.countFrom);
  const divisor =
    counted(top, height, dilationY, least, word(step, PoolGradient.countBelow)) *
    counted(left, width, dilationX, least, word(step, PoolGradient.countRight));
  const channels = word(step, PoolGradient.channels);
  const inWidth = word(step, Window.inWidth);
  for (let ky = 0; ky < height; ky++) {
    const y = top + ky * dilationY;
    if (<u32>y >= <u32>word(step, Window.inHeight)) continue;
    for (let kx = 0; kx < width; kx++) {
      const x = left + kx * dilationX;
      if (<u32>x >= <u32>inWidth) continue;
      for (let c = first; c < last; c++) {
        const to = target + (<usize>((y * inWidth + x) * channels + c) << 2);
        const g = load<f32>(word(step, Window.output) + from + (<usize>c << 2));
        store<f32>(to, load<f32>(to) + g / <f32>divisor);
      }
    }
  }
}

/** Taps of an axis that lie in `from` … `until`. */
function counted(first: i32, taps: i32, dilation: i32, from: i32, until: i32): i32 {
  let count = 0;
  for (let i = 0; i < taps; i++) {
    const at = first + i * dilation;
    if (at >= from && at < until) count++;
  }
  return count;
}
