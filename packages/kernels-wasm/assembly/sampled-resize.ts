/**
 * Nearest and bilinear resizing of NHWC images with any coordinates, and their gradients, as kernels-wgsl's `resize.ts`: a
 * coordinate is a fraction of integers, so that no rounding decides which pixel is meant. A chunk is a row.
 */
import { SampleAxis, SampledResize, SampleKind } from "../src/line-records";
import { word } from "./team";

/** Towards −∞. */
@inline
function floorDiv(a: i32, b: i32): i32 {
  const quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}

@inline
function ceilDiv(a: i32, b: i32): i32 {
  return floorDiv(a + b - 1, b);
}

@inline
function inside(place: i32, from: i32): i32 {
  return max(0, min(place, from - 1));
}

/** The first of the two pixels that an output pixel is between; of nearest neighbours the pixel itself. */
function lowOf(step: usize, axis: i32, place: i32): i32 {
  const from = word(step, axis + SampleAxis.from);
  const d = word(step, axis + SampleAxis.denominator);
  const n = place * word(step, axis + SampleAxis.step) + word(step, axis + SampleAxis.origin);
  switch (word(step, SampledResize.kind)) {
    case SampleKind.floor:
      return inside(floorDiv(n, d), from);
    case SampleKind.ceil:
      return inside(ceilDiv(n, d), from);
    case SampleKind.roundPreferFloor:
      return inside(ceilDiv(2 * n - d, 2 * d), from);
    case SampleKind.roundPreferCeil:
      return inside(floorDiv(2 * n + d, 2 * d), from);
    default:
      return max(0, min(n, (from - 1) * d)) / d;
  }
}

/** How much of the second pixel there is. */
function partOf(step: usize, axis: i32, place: i32, low: i32): f32 {
  if (word(step, SampledResize.kind) != SampleKind.bilinear) return 0;
  const d = word(step, axis + SampleAxis.denominator);
  const last = word(step, axis + SampleAxis.from) - 1;
  const n = place * word(step, axis + SampleAxis.step) + word(step, axis + SampleAxis.origin);
  return <f32>(max(0, min(n, last * d)) - low * d) / <f32>d;
}

export function sampledResizeChunk(step: usize, chunk: i32): void {
  const channels = word(step, SampledResize.channels);
  const rowsTo = word(step, SampledResize.y + SampleAxis.to);
  const rowsFrom = word(step, SampledResize.y + SampleAxis.from);
  const width = word(step, SampledResize.x + SampleAxis.to);
  const widthFrom = word(step, SampledResize.x + SampleAxis.from);
  const top = lowOf(step, SampledResize.y, chunk % rowsTo);
  const part = partOf(step, SampledResize.y, chunk % rowsTo, top);
  const image = (chunk / rowsTo) * rowsFrom;
  const above = (image + top) * widthFrom;
  const below = (image + min(top + 1, rowsFrom - 1)) * widthFrom;
  for (let column = 0; column < width; column++) {
    const left = lowOf(step, SampledResize.x, column);
    const across = partOf(step, SampledResize.x, column, left);
    const right = min(left + 1, widthFrom - 1);
    const to = word(step, SampledResize.output) + (<usize>((chunk * width + column) * channels) << 2);
    for (let c = 0; c < channels; c++) {
      const upper = between(step, (above + left) * channels + c, (above + right) * channels + c, across);
      const lower = part == 0 ? upper : between(step, (below + left) * channels + c, (below + right) * channels + c, across);
      store<f32>(to + (<usize>c << 2), part == 0 ? upper : upper + part * (lower - upper));
    }
  }
}

@inline
function between(step: usize, first: i32, second: i32, part: f32): f32 {
  const a = load<f32>(word(step, SampledResize.input) + (<usize>first << 2));
  if (part == 0) return a;
  return a + part * (load<f32>(word(step, SampledResize.input) + (<usize>second << 2)) - a);
}

/** How much of an input pixel an output pixel has. */
function shareOf(step: usize, axis: i32, place: i32, pixel: i32): f32 {
  const low = lowOf(step, axis, place);
  const part = partOf(step, axis, place, low);
  const high = min(low + 1, word(step, axis + SampleAxis.from) - 1);
  let share: f32 = low == pixel ? 1 - part : 0;
  if (high == pixel) share += part;
  return share;
}

/** The first output pixel that may have some of an input pixel. */
function firstReader(step: usize, axis: i32, pixel: i32): i32 {
  const by = word(step, axis + SampleAxis.step);
  if (pixel == 0 || by == 0) return 0;
  const d = word(step, axis + SampleAxis.denominator);
  const n = (pixel - 1) * d - word(step, axis + SampleAxis.origin);
  return max(0, min(floorDiv(n, by), word(step, axis + SampleAxis.to)));
}

/** One behind the last. */
function endReader(step: usize, axis: i32, pixel: i32): i32 {
  const to = word(step, axis + SampleAxis.to);
  const by = word(step, axis + SampleAxis.step);
  if (pixel == word(step, axis + SampleAxis.from) - 1 || by == 0) return to;
  const d = word(step, axis + SampleAxis.denominator);
  const n = (pixel + 1) * d - word(step, axis + SampleAxis.origin);
  return max(0, min(ceilDiv(n, by) + 1, to));
}

export function sampledResizeGradientChunk(step: usize, chunk: i32): void {
  const rowsFrom = word(step, SampledResize.y + SampleAxis.from);
  const width = word(step, SampledResize.x + SampleAxis.from);
  const row = chunk % rowsFrom;
  const image = (chunk / rowsFrom) * word(step, SampledResize.y + SampleAxis.to);
  const first = firstReader(step, SampledResize.y, row);
  const end = endReader(step, SampledResize.y, row);
  const bytes = <usize>word(step, SampledResize.channels) << 2;
  for (let column = 0; column < width; column++) {
    const to = word(step, SampledResize.output) + <usize>(chunk * width + column) * bytes;
    memory.fill(to, 0, bytes);
    for (let y = first; y < end; y++) {
      const share = shareOf(step, SampledResize.y, y, row);
      if (share != 0) addLine(step, to, image + y, column, share);
    }
  }
}

/** Adds what a row of the gradient has for an input pixel. */
function addLine(step: usize, to: usize, line: i32, column: i32, share: f32): void {
  const channels = word(step, SampledResize.channels);
  const width = word(step, SampledResize.x + SampleAxis.to);
  const end = endReader(step, SampledResize.x, column);
  for (let x = firstReader(step, SampledResize.x, column); x < end; x++) {
    const part = share * shareOf(step, SampledResize.x, x, column);
    if (part == 0) continue;
    const from = word(step, SampledResize.input) + (<usize>((line * width + x) * channels) << 2);
    for (let c = 0; c < channels; c++) {
      const at = <usize>c << 2;
      store<f32>(to + at, load<f32>(to + at) + part * load<f32>(from + at));
    }
  }
}
