/**
 * Gradient towards the input of a convolution with strides (without, it is a convolution with
 * mirrored weights, by the kernels there are). Input pixels whose coordinates leave the same remainder by the
 * stride take the same taps, so each such phase is a convolution without strides over the gradient:
 * no multiplication by the zeros that a dilated gradient would have, three of four with stride 2. A
 * chunk is a row of the input; its pixels of one phase are rows of a product that stores every
 * `stride`th pixel.
 */
import { Phase, StridedGradient } from "../src/gradient-records";
import { Window } from "../src/records";
import { copyFloats, zeroFloats } from "./copy";
import { product } from "./product";
import { residualAt } from "./residual";
import { loadLanes, storeLanes } from "./tail";
import { word } from "./team";

/** The words of a row's or a column's phase. */
@inline
export function phaseOf(step: usize, index: i32): usize {
  return step + ((StridedGradient.size + index * Phase.size) << 2);
}

export function stridedGradientChunk(step: usize, chunk: i32, thread: i32): void {
  const height = word(step, Window.outHeight);
  const width = word(step, Window.outWidth);
  const strideY = word(step, Window.strideY);
  const strideX = word(step, Window.strideX);
  const n = chunk / height;
  const y = chunk % height;
  const inChannels = word(step, StridedGradient.inChannels);
  const outChannels = word(step, StridedGradient.outChannels);
  const pixels = word(step, StridedGradient.chunkPixels);
  const table =
    <usize>word(step, StridedGradient.scratch) + thread * word(step, StridedGradient.scratchBytes);
  const scratch = table + ((((<usize>pixels) << 2) + 15) & ~15);
  const hasResidual = word(step, StridedGradient.residual) != 0;
  const row = phaseOf(step, y % strideY);
  const panels = (<usize>((inChannels + 7) >> 3)) << 3;
  const outPixel = word(step, Window.outStride) << 2;
  const line = word(step, Window.output) + (n * height + y) * width * outPixel;
  const places = phaseOf(step, strideY + strideX);
  for (let phase = 0; phase < strideX; phase++) {
    const column = phaseOf(step, strideY + phase);
    const depth = word(row, Phase.count) * word(column, Phase.count) * outChannels;
    const weights =
      word(step, StridedGradient.weights) +
      (word(places, (y % strideY) * strideX + phase) << 2);
    const all = (width - phase + strideX - 1) / strideX;
    for (let first = 0; first < all; first += pixels) {
      const count = min(pixels, all - first);
      const x = phase + first * strideX;
      for (let group = 0; group < word(step, StridedGradient.groups); group++) {
        const channel = group * inChannels;
        if (hasResidual || depth == 0) {
          for (let i = 0; i < count; i++) {
            const at = hasResidual
              ? residualAt(step, StridedGradient.residual, n, y, x + i * strideX) + (channel << 2)
              : 0;
            store<u32>(table + (i << 2), at);
          }
        }
        const to = line + x * outPixel + (channel << 2);
        if (depth == 0) {
          copyOrZero(table, count, inChannels, to, outPixel * strideX);
          continue;
        }
        patches(step, row, column, group, n, y / strideY, first, count, scratch);
        product(
          scratch,
          (<usize>depth) << 2,
          count,
          depth,
          weights + group * panels * ((<usize>depth) << 2),
          inChannels,
          0,
          to,
          outPixel * strideX,
          hasResidual ? table : 0,
          0,
          0,
          0,
        );
      }
    }
  }
}

/** Of a phase that no tap reaches. */
function copyOrZero(table: usize, count: i32, channels: i32, to: usize, step: usize): void {
  for (let i = 0; i < count; i++) {
    const from = <usize>load<u32>(table + (i << 2));
    for (let c = 0; c < channels; c += 4) {
      const lanes = channels - c;
      const x = from ? loadLanes(from + (c << 2), lanes) : f32x4.splat(0);
      storeLanes(to + (c << 2), x, lanes);
    }
    to += step;
  }
}

/** Copies the gradient under the taps of a phase, a row for each of its pixels. */
function patches(
  step: usize,
  row: usize,
  column: usize,
  group: i32,
  n: i32,
  t: i32,
  first: i32,
  count: i32,
  to: usize,
): void {
  const height = word(step, Window.inHeight);
  const width = word(step, Window.inWidth);
  const pixel = word(step, Window.inStride) << 2;
  const channels = word(step, StridedGradient.outChannels);
  const image = word(step, Window.input) + ((group * channels) << 2);
  const top = t + word(row, Phase.shift);
  const down = word(row, Phase.count);
  const across = word(column, Phase.count);
  for (let i = first; i < first + count; i++) {
    const left = i + word(column, Phase.shift);
    for (let ky = 0; ky < down; ky++) {
      const y = top - ky * word(row, Phase.dilation);
      if (<u32>y >= <u32>height) {
        to = zeroFloats(to, across * channels);
        continue;
      }
      const line = image + (n * height + y) * width * pixel;
      for (let kx = 0; kx < across; kx++) {
        const x = left - kx * word(column, Phase.dilation);
        if (<u32>x >= <u32>width) to = zeroFloats(to, channels);
        else to = copyFloats(line + x * pixel, to, channels);
      }
    }
  }
}
