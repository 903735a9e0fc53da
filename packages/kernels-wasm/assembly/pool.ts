/**
 * Largest or mean value under a window, 4 channels at a time; what lies outside the image does not
 * count.
 */
import { Pool, PoolKind, Window } from "../src/records";
import { storeLanes } from "./tail";
import { word } from "./team";

export function poolChunk(step: usize, chunk: i32): void {
  const size = word(step, Pool.chunkPixels);
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const first = chunk * size;
  const last = min(first + size, word(step, Window.batch) * outHeight * outWidth);
  for (let pixel = first; pixel < last; pixel++) {
    const n = pixel / (outWidth * outHeight);
    const row = (pixel / outWidth) % outHeight;
    poolPixel(step, n, row, pixel % outWidth, pixel);
  }
}

function poolPixel(step: usize, n: i32, row: i32, column: i32, pixel: i32): void {
  const inHeight = word(step, Window.inHeight);
  const inWidth = word(step, Window.inWidth);
  const inStep = word(step, Window.inStride) << 2;
  const kernelHeight = word(step, Window.kernelHeight);
  const kernelWidth = word(step, Window.kernelWidth);
  const dilationY = word(step, Window.dilationY);
  const dilationX = word(step, Window.dilationX);
  const channels = word(step, Pool.channels);
  const average = word(step, Pool.kind) == PoolKind.average;
  const top = row * word(step, Window.strideY) - word(step, Window.padTop);
  const left = column * word(step, Window.strideX) - word(step, Window.padLeft);
  const divisor =
    counted(top, kernelHeight, dilationY, word(step, Pool.countFrom), word(step, Pool.countBelow)) *
    counted(left, kernelWidth, dilationX, word(step, Pool.countFrom), word(step, Pool.countRight));
  const out = word(step, Window.output) + ((pixel * word(step, Window.outStride)) << 2);
  for (let c = 0; c < channels; c += 4) {
    let result = f32x4.splat(average ? 0 : -Infinity);
    for (let ky = 0; ky < kernelHeight; ky++) {
      const y = top + ky * dilationY;
      if (<u32>y >= <u32>inHeight) continue;
      const line = word(step, Window.input) + (n * inHeight + y) * inWidth * inStep + (c << 2);
      for (let kx = 0; kx < kernelWidth; kx++) {
        const x = left + kx * dilationX;
        if (<u32>x >= <u32>inWidth) continue;
        const value = v128.load(line + x * inStep);
        // `max` keeps NaN, as PyTorch does.
        result = average ? f32x4.add(result, value) : f32x4.max(result, value);
      }
    }
    if (average) {
      result = f32x4.div(result, f32x4.splat(<f32>divisor));
    }
    storeLanes(out + (c << 2), result, channels - c);
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
