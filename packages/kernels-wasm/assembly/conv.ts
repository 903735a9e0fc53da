/**
 * Convolution of NHWC images as a product: each output pixel is a row, its terms in the order of
 * kernel row, kernel column, channel. A chunk of pixels makes its rows in the thread's own memory,
 * small enough for the second-level cache: copies of the pixels under the kernel (a 3×3 kernel over
 * 64 channels copies 1/64 of what it multiplies), or the results of a depthwise convolution, which
 * so never reach memory. With a 1×1 kernel the input's pixels are the rows.
 */
import { Conv, Rows, Window } from "../src/records";
import { copyFloats, zeroFloats } from "./copy";
import { depthwisePixels } from "./depthwise";
import { product } from "./product";
import { residualTable } from "./residual";
import { float, word } from "./team";

export function convChunk(step: usize, chunk: i32, thread: i32): void {
  const size = word(step, Conv.chunkPixels);
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const pixels = word(step, Window.batch) * outHeight * outWidth;
  const first = chunk * size;
  const count = min(size, pixels - first);
  const table = <usize>word(step, Conv.scratch) + thread * word(step, Conv.scratchBytes);
  const scratch = table + ((((<usize>size) << 2) + 15) & ~15);
  const hasResidual = word(step, Conv.residual) != 0;
  if (hasResidual) residualTable(step, Conv.residual, first, count, table);

  const depth = word(step, Conv.depth);
  const groups = word(step, Conv.groups);
  const columns = word(step, Conv.outChannels);
  const rows = word(step, Conv.rows);
  const outStep = (<usize>word(step, Window.outStride)) << 2;
  const out = <usize>word(step, Window.output) + first * outStep;
  const panels = (<usize>((columns + 7) >> 3)) << 3;
  const matrix = panels * ((<usize>depth) << 2);
  for (let group = 0; group < groups; group++) {
    let a = scratch;
    let aStep = (<usize>depth) << 2;
    if (rows == Rows.direct) {
      aStep = (<usize>word(step, Window.inStride)) << 2;
      a = <usize>word(step, Window.input) + first * aStep + ((<usize>(group * depth)) << 2);
    } else if (rows == Rows.depthwise) {
      depthwisePixels(
        step,
        word(step, Conv.depthwiseWeights),
        word(step, Conv.depthwiseBias),
        depth,
        word(step, Conv.depthwiseTail),
        float(step, Conv.depthwiseSlope),
        first,
        count,
        scratch,
        aStep,
      );
    } else {
      const channels = word(step, Conv.inChannels);
      const taps = word(step, Window.kernelHeight);
      patches(step, channels, 0, taps, group, first, count, scratch);
    }
    const shift = (<usize>(group * columns)) << 2;
    if (hasResidual && group > 0) {
      for (let i = 0; i < count; i++) {
        const entry = table + ((<usize>i) << 2);
        store<u32>(entry, load<u32>(entry) + (columns << 2));
      }
    }
    product(
      a,
      aStep,
      count,
      depth,
      <usize>word(step, Conv.weights) + group * matrix,
      columns,
      <usize>word(step, Conv.bias) + group * (panels << 2),
      out + shift,
      outStep,
      hasResidual ? table : 0,
      word(step, Conv.residualOrder),
      word(step, Conv.tail),
      float(step, Conv.slope),
    );
  }
}

/**
 * Copies what lies under the kernel's rows `kernelTop` … `kernelBottom` at `count` output pixels, a row
 * each; zeros outside the image. @param channels of one group
 */
export function patches(
  step: usize,
  channels: i32,
  kernelTop: i32,
  kernelBottom: i32,
  group: i32,
  first: i32,
  count: i32,
  to: usize,
): void {
  const outHeight = word(step, Window.outHeight);
  const outWidth = word(step, Window.outWidth);
  const inHeight = word(step, Window.inHeight);
  const inWidth = word(step, Window.inWidth);
  const kernelWidth = word(step, Window.kernelWidth);
  const strideX = word(step, Window.strideX);
  const padLeft = word(step, Window.padLeft);
  const dilationY = word(step, Window.dilationY);
  const pixel = word(step, Window.inStride) << 2;
  const image = word(step, Window.input) + ((group * channels) << 2);
  // Neighbouring taps are one run where they are neighbours in memory.
  const dense = word(step, Window.dilationX) == 1 && channels << 2 == pixel;
  // Columns whose kernel begins and ends inside the image.
  const inner = (max(padLeft, 0) + strideX - 1) / strideX;
  const room = inWidth + padLeft - kernelWidth;
  const outer = !dense || room < 0 ? 0 : min(room / strideX + 1, outWidth);
  let column = first % outWidth;
  let row = (first / outWidth) % outHeight;
  let n = first / (outWidth * outHeight);
  while (count > 0) {
    const top = row * word(step, Window.strideY) - word(step, Window.padTop) + kernelTop * dilationY;
    const left = column * strideX - padLeft;
    const inside = top >= 0 && top + (kernelBottom - kernelTop - 1) * dilationY < inHeight;
    let done = 1;
    if (inside && column >= inner && column < outer) {
      done = min(outer - column, count);
      const from = image + ((n * inHeight + top) * inWidth + left) * pixel;
      const line = dilationY * inWidth * pixel;
      const width = kernelWidth * channels;
      to = windows(from, done, strideX * pixel, kernelBottom - kernelTop, line, width, to);
    } else {
      to = window(step, image, n, top, kernelBottom - kernelTop, left, channels, dense, to);
    }
    count -= done;
    column += done;
    if (column == outWidth) {
      column = 0;
      if (++row == outHeight) {
        row = 0;
        n++;
      }
    }
  }
}

/** Windows along a row that lie inside the image: for each, `down` runs of `width` floats. */
function windows(
  from: usize,
  count: i32,
  advance: usize,
  down: i32,
  line: usize,
  width: i32,
  to: usize,
): usize {
  for (let i = 0; i < count; i++) {
    let run = from;
    for (let ky = 0; ky < down; ky++) {
      to = copyFloats(run, to, width);
      run += line;
    }
    from += advance;
  }
  return to;
}

/** A window at the edge of the image, or one whose taps are no run. */
function window(
  step: usize,
  image: usize,
  n: i32,
  top: i32,
  down: i32,
  left: i32,
  channels: i32,
  dense: bool,
  to: usize,
): usize {
  const inHeight = word(step, Window.inHeight);
  const inWidth = word(step, Window.inWidth);
  const pixel = word(step, Window.inStride) << 2;
  const kernelWidth = word(step, Window.kernelWidth);
  const dilationX = word(step, Window.dilationX);
  for (let ky = 0; ky < down; ky++) {
    const y = top + ky * word(step, Window.dilationY);
    const line = image + (n * inHeight + y) * inWidth * pixel;
    const from = max(0, -left);
    const until = min(kernelWidth, inWidth - left);
    if (<u32>y >= <u32>inHeight || (dense && until <= from)) {
      to = zeroFloats(to, kernelWidth * channels);
    } else if (dense) {
      to = zeroFloats(to, from * channels);
      to = copyFloats(line + (left + from) * pixel, to, (until - from) * channels);
      to = zeroFloats(to, (kernelWidth - until) * channels);
    } else {
      for (let kx = 0; kx < kernelWidth; kx++) {
        const x = left + kx * dilationX;
        if (<u32>x >= <u32>inWidth) to = zeroFloats(to, channels);
        else to = copyFloats(line + x * pixel, to, channels);
      }
    }
  }
  return to;
}
