/**
 * Gradients of a convolution towards its weights and biases: for each output channel and each place
 * under the kernel, the sum over all pixels of gradient times input.
 *
 * A chunk is a segment of pixels, some rows of the kernel and some output channels. It takes a block of
 * pixels at a time, small enough for the first-level cache, copies what lies under these kernel rows side
 * by side (with a 1×1 kernel it reads the input in place) and adds the products to the segment's sums in
 * tiles of 4 output channels × 8 columns, whose 8 sums, 2 vectors of the input and 1 of the gradient are
 * held in registers, as in `product.ts`. A second step adds the segments up in their order: cut the same
 * way whatever the number of threads, so that results are too.
 *
 * Sums are padded to whole tiles, whose surplus reads the neighbouring pixels' values and is never
 * used.
 */
import { WeightGradient, WeightGradientSum } from "../src/gradient-records";
import { Rows, Window } from "../src/records";
import { patches } from "./conv";
import { storeLanes } from "./tail";
import { word } from "./team";

export function weightGradientChunk(step: usize, chunk: i32, thread: i32): void {
  const channels = word(step, WeightGradient.inChannels);
  const outputs = word(step, WeightGradient.outChannels);
  const blockRows = word(step, WeightGradient.blockRows);
  const blockWidth = word(step, WeightGradient.blockWidth);
  const blockOutputs = word(step, WeightGradient.blockOutputs);
  const kernelHeight = word(step, Window.kernelHeight);
  const groups = word(step, WeightGradient.groups);
  const blocks = (kernelHeight + blockRows - 1) / blockRows;
  const parts = (outputs + blockOutputs - 1) / blockOutputs;
  const part = chunk % parts;
  const block = (chunk / parts) % blocks;
  const segment = chunk / (parts * blocks);

  const size = word(step, WeightGradient.segmentPixels);
  const pixels =
    word(step, Window.batch) * word(step, Window.outHeight) * word(step, Window.outWidth);
  const begin = segment * size;
  const end = min(begin + size, pixels);
  const padded = (outputs + 3) & ~3;
  const rowBytes = <usize>(blockWidth * blocks) << 2;
  const from = part * blockOutputs;
  const until = min(from + blockOutputs, outputs);
  const gStep = <usize>word(step, Window.outStride) << 2;
  const direct = word(step, WeightGradient.rows) == Rows.direct;
  const scratch =
    <usize>word(step, WeightGradient.scratch) + thread * word(step, WeightGradient.scratchBytes);
  const columns =
    min(blockRows, kernelHeight - block * blockRows) * word(step, Window.kernelWidth) * channels;
  const bias = <usize>word(step, WeightGradient.partialBias);
  const most = word(step, WeightGradient.blockPixels);
  for (let first = begin; first < end; first += most) {
    const count = min(most, end - first);
    for (let group = 0; group < groups; group++) {
      let b = scratch;
      let bStep = <usize>columns << 2;
      if (direct) {
        bStep = <usize>word(step, Window.inStride) << 2;
        b = <usize>word(step, Window.input) + first * bStep + (<usize>(group * channels) << 2);
      } else {
        const top = block * blockRows;
        patches(step, channels, top, min(top + blockRows, kernelHeight), group, first, count, b);
      }
      const g =
        <usize>word(step, Window.output) + first * gStep + (<usize>(group * outputs + from) << 2);
      const row = (segment * groups + group) * padded + from;
      const sums =
        <usize>word(step, WeightGradient.partial) +
        row * rowBytes +
        (<usize>(block * blockWidth) << 2);
      multiply(g, gStep, until - from, b, bStep, columns, count, sums, rowBytes, first == begin);
      if (bias && block == 0) addRows(g, gStep, until - from, count, bias + (row << 2), first == begin);
    }
  }
}

/**
 * sums[i][j] += Σ g[pixel][i] · b[pixel][j], or = where `fresh`. Rows of `sums` are `rowBytes` apart.
 */
export function multiply(
  g: usize,
  gStep: usize,
  outputs: i32,
  b: usize,
  bStep: usize,
  columns: i32,
  count: i32,
  sums: usize,
  rowBytes: usize,
  fresh: bool,
): void {
  for (let i = 0; i < outputs; i += 4) {
    for (let j = 0; j < columns; j += 8) {
      let from = g + (i << 2);
      let at = b + (j << 2);
      let c00 = f32x4.splat(0);
      let c01 = c00;
      let c10 = c00;
      let c11 = c00;
      let c20 = c00;
      let c21 = c00;
      let c30 = c00;
      let c31 = c00;
      const end = from + <usize>count * gStep;
      do {
        const b0 = v128.load(at);
        const b1 = v128.load(at, 16);
        const g0 = v128.load32_splat(from);
        c00 = f32x4.add(c00, f32x4.mul(g0, b0));
        c01 = f32x4.add(c01, f32x4.mul(g0, b1));
        const g1 = v128.load32_splat(from, 4);
        c10 = f32x4.add(c10, f32x4.mul(g1, b0));
        c11 = f32x4.add(c11, f32x4.mul(g1, b1));
        const g2 = v128.load32_splat(from, 8);
        c20 = f32x4.add(c20, f32x4.mul(g2, b0));
        c21 = f32x4.add(c21, f32x4.mul(g2, b1));
        const g3 = v128.load32_splat(from, 12);
        c30 = f32x4.add(c30, f32x4.mul(g3, b0));
        c31 = f32x4.add(c31, f32x4.mul(g3, b1));
        from += gStep;
        at += bStep;
      } while (from < end);
      const to = sums + i * rowBytes + (j << 2);
      keep(to, c00, c01, fresh);
      keep(to + rowBytes, c10, c11, fresh);
      keep(to + rowBytes * 2, c20, c21, fresh);
      keep(to + rowBytes * 3, c30, c31, fresh);
    }
  }
}

@inline
function keep(to: usize, low: v128, high: v128, fresh: bool): void {
  v128.store(to, fresh ? low : f32x4.add(v128.load(to), low));
  v128.store(to, fresh ? high : f32x4.add(v128.load(to, 16), high), 16);
}

/** sums[i] += Σ g[pixel][i], or = where `fresh`. */
function addRows(
  g: usize,
  gStep: usize,
  outputs: i32,
  count: i32,
  sums: usize,
  fresh: bool,
): void {
  for (let i = 0; i < outputs; i += 4) {
    let from = g + (i << 2);
    const end = from + <usize>count * gStep;
    let sum = f32x4.splat(0);
    for (; from < end; from += gStep) sum = f32x4.add(sum, v128.load(from));
    const to = sums + (i << 2);
    v128.store(to, fresh ? sum : f32x4.add(v128.load(to), sum));
  }
}

/** Adds up the segments of some output channels. */
export function weightGradientSumChunk(step: usize, chunk: i32): void {
  const size = word(step, WeightGradientSum.chunkOutputs);
  const outputs = word(step, WeightGradientSum.outputs);
  const all = outputs * word(step, WeightGradientSum.groups);
  const last = min(chunk * size + size, all);
  const padded = (outputs + 3) & ~3;
  const segments = word(step, WeightGradientSum.segments);
  const biasStride = <usize>word(step, WeightGradientSum.biasStride) << 2;
  const channels = word(step, WeightGradientSum.channels);
  const width = word(step, WeightGradientSum.kernelWidth);
  const taps = word(step, WeightGradientSum.kernelHeight) * width;
  const blockRows = word(step, WeightGradientSum.blockRows);
  for (let output = chunk * size; output < last; output++) {
    const row = (output / outputs) * padded + (output % outputs);
    const from =
      word(step, WeightGradientSum.partial) +
      ((row * word(step, WeightGradientSum.rowStride)) << 2);
    const to = word(step, WeightGradientSum.weight) + ((output * channels * taps) << 2);
    for (let tap = 0; tap < taps; tap++) {
      const ky = tap / width;
      const block = ky / blockRows;
      const place =
        block * word(step, WeightGradientSum.blockWidth) +
        (tap - block * blockRows * width) * word(step, WeightGradientSum.tapStride);
      sumTap(step, from + (place << 2), channels, to + (tap << 2), taps);
    }
    if (word(step, WeightGradientSum.bias)) {
      let at = <usize>word(step, WeightGradientSum.partialBias) + (row << 2);
      let sum: f32 = 0;
      for (let i = 0; i < segments; i++) {
        sum += load<f32>(at);
        at += biasStride;
      }
      store<f32>(word(step, WeightGradientSum.bias) + (output << 2), sum);
    }
  }
}

/** The channels of one tap, `taps` floats apart in the result. */
function sumTap(step: usize, from: usize, channels: i32, to: usize, taps: i32): void {
  const segments = word(step, WeightGradientSum.segments);
  const stride = <usize>word(step, WeightGradientSum.segmentStride) << 2;
  for (let c = 0; c < channels; c += 4) {
    let at = from + (c << 2);
    let sum = v128.load(at);
    for (let i = 1; i < segments; i++) {
      at += stride;
      sum = f32x4.add(sum, v128.load(at));
    }
    const lanes = channels - c;
    const place = to + ((c * taps) << 2);
    if (taps == 1) {
      storeLanes(place, sum, lanes);
      continue;
    }
    const apart = <usize>taps << 2;
    v128.store32_lane(place, sum, 0);
    if (lanes > 1) v128.store32_lane(place + apart, sum, 1);
    if (lanes > 2) v128.store32_lane(place + apart * 2, sum, 2);
    if (lanes > 3) v128.store32_lane(place + apart * 3, sum, 3);
  }
}
