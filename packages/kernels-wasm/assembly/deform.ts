/**
 * Samples of deformable convolutions, four channels at a time, and their gradients. The gradient of the input is
 * scattered: a chunk is some channels of an image, which one thread fills with zeros and then adds to in a fixed order.
 * A corner outside the image is read at its edge with a weight of 0.
 */
import { Deform } from "../src/deform-records";
import { loadLanes, storeLanes } from "./tail";
import { word } from "./team";

/** Of the sample found last: bytes from the first channel of the input, and parts behind its corner. */
let corner00: usize = 0;
let corner01: usize = 0;
let corner10: usize = 0;
let corner11: usize = 0;
let partY: f32 = 0;
let partX: f32 = 0;
/** 0 where a row or column of corners lies outside. */
let above: f32 = 0;
let below: f32 = 0;
let left: f32 = 0;
let right: f32 = 0;
/** Number among [n, h', w', groups, taps], and where its channels begin among the samples. */
let place: i32 = 0;
let sample: i32 = 0;

/** Finds a sample. @returns whether it lies less than a pixel outside */
function locate(step: usize, pixel: i32, group: i32, tap: i32): bool {
  const outHeight = word(step, Deform.outHeight);
  const outWidth = word(step, Deform.outWidth);
  const kernelHeight = word(step, Deform.kernelHeight);
  const kernelWidth = word(step, Deform.kernelWidth);
  const n = pixel / (outWidth * outHeight);
  const row = (pixel / outWidth) % outHeight;
  const column = pixel % outWidth;
  const ky = tap / kernelWidth;
  const kx = tap % kernelWidth;
  const channels = word(step, Deform.channels);
  place = (pixel * word(step, Deform.groups) + group) * kernelHeight * kernelWidth + tap;
  sample = (((n * outHeight + row) * kernelHeight + ky) * outWidth + column) * kernelWidth + kx;
  sample *= channels;
  const offset = word(step, Deform.offset) + (place << 3);
  const top = row * word(step, Deform.strideY) - word(step, Deform.padTop);
  const y = <f32>(top + ky * word(step, Deform.dilationY)) + load<f32>(offset);
  const start = column * word(step, Deform.strideX) - word(step, Deform.padLeft);
  const x = <f32>(start + kx * word(step, Deform.dilationX)) + load<f32>(offset, 4);
  const height = word(step, Deform.inHeight);
  const width = word(step, Deform.inWidth);
  if (!(y > -1 && y < <f32>height && x > -1 && x < <f32>width)) return false;
  partY = y - Mathf.floor(y);
  partX = x - Mathf.floor(x);
  const y0 = <i32>Mathf.floor(y);
  const x0 = <i32>Mathf.floor(x);
  above = y0 < 0 ? 0 : 1;
  below = y0 + 1 < height ? 1 : 0;
  left = x0 < 0 ? 0 : 1;
  right = x0 + 1 < width ? 1 : 0;
  const upper = (n * height + max(y0, 0)) * width;
  const lower = (n * height + min(y0 + 1, height - 1)) * width;
  corner00 = <usize>((upper + max(x0, 0)) * channels) << 2;
  corner01 = <usize>((upper + min(x0 + 1, width - 1)) * channels) << 2;
  corner10 = <usize>((lower + max(x0, 0)) * channels) << 2;
  corner11 = <usize>((lower + min(x0 + 1, width - 1)) * channels) << 2;
  return true;
}

/** An offset that is not a number. */
function isNanAt(step: usize): bool {
  const offset = word(step, Deform.offset) + (place << 3);
  return isNaN(load<f32>(offset)) || isNaN(load<f32>(offset, 4));
}

/** The factor of the sample found last. */
function factor(step: usize): f32 {
  const mask = word(step, Deform.mask);
  return mask ? load<f32>(mask + (place << 2)) : 1;
}

/** A chunk is some pixels of the output. */
export function deformSampleChunk(step: usize, chunk: i32): void {
  const size = word(step, Deform.chunkSize);
  const groups = word(step, Deform.groups);
  const taps = word(step, Deform.kernelHeight) * word(step, Deform.kernelWidth);
  const pixels =
    word(step, Deform.batch) * word(step, Deform.outHeight) * word(step, Deform.outWidth);
  const last = min(chunk * size + size, pixels);
  for (let pixel = chunk * size; pixel < last; pixel++) {
    for (let group = 0; group < groups; group++) {
      for (let tap = 0; tap < taps; tap++) sampleGroup(step, pixel, group, tap);
    }
  }
}

function sampleGroup(step: usize, pixel: i32, group: i32, tap: i32): void {
  const width = word(step, Deform.channels) / word(step, Deform.groups);
  const inside = locate(step, pixel, group, tap);
  const first = <usize>(group * width) << 2;
  const to = word(step, Deform.samples) + (<usize>sample << 2) + first;
  if (!inside) {
    const value = f32x4.splat(isNanAt(step) ? NaN : 0);
    for (let c = 0; c < width; c += 4) storeLanes(to + (c << 2), value, width - c);
    return;
  }
  const by = factor(step);
  const w00 = f32x4.splat(above * left * (1 - partY) * (1 - partX) * by);
  const w01 = f32x4.splat(above * right * (1 - partY) * partX * by);
  const w10 = f32x4.splat(below * left * partY * (1 - partX) * by);
  const w11 = f32x4.splat(below * right * partY * partX * by);
  const from = word(step, Deform.input) + first;
  for (let c = 0; c < width; c += 4) {
    const at = from + (<usize>c << 2);
    const upper = f32x4.add(
      f32x4.mul(v128.load(at + corner00), w00),
      f32x4.mul(v128.load(at + corner01), w01),
    );
    const lower = f32x4.add(
      f32x4.mul(v128.load(at + corner10), w10),
      f32x4.mul(v128.load(at + corner11), w11),
    );
    storeLanes(to + (<usize>c << 2), f32x4.add(upper, lower), width - c);
  }
}

/** A chunk is some channels of a group of an image. */
export function deformInputGradientChunk(step: usize, chunk: i32): void {
  const size = word(step, Deform.chunkSize);
  const channels = word(step, Deform.channels);
  const groups = word(step, Deform.groups);
  const width = channels / groups;
  const blocks = (width + size - 1) / size;
  const n = chunk / (blocks * groups);
  const group = (chunk / blocks) % groups;
  const first = group * width + (chunk % blocks) * size;
  const last = min(first + size, (group + 1) * width);
  const plane = word(step, Deform.inHeight) * word(step, Deform.inWidth);
  const target = word(step, Deform.input) + (<usize>first << 2);
  for (let pixel = n * plane; pixel < (n + 1) * plane; pixel++) {
    memory.fill(target + (<usize>(pixel * channels) << 2), 0, (last - first) << 2);
  }
  const taps = word(step, Deform.kernelHeight) * word(step, Deform.kernelWidth);
  const pixels = word(step, Deform.outHeight) * word(step, Deform.outWidth);
  for (let pixel = n * pixels; pixel < (n + 1) * pixels; pixel++) {
    for (let tap = 0; tap < taps; tap++) {
      if (!locate(step, pixel, group, tap)) continue;
      const from = word(step, Deform.samples) + (<usize>(sample + first) << 2);
      const by = factor(step);
      const upper = above * (1 - partY) * by;
      const lower = below * partY * by;
      spread(target + corner00, from, upper * left * (1 - partX), last - first);
      spread(target + corner01, from, upper * right * partX, last - first);
      spread(target + corner10, from, lower * left * (1 - partX), last - first);
      spread(target + corner11, from, lower * right * partX, last - first);
    }
  }
}

/** Adds `weight` times some channels. */
function spread(to: usize, from: usize, weight: f32, channels: i32): void {
  if (weight == 0) return;
  const by = f32x4.splat(weight);
  for (let c = 0; c < channels; c += 4) {
    const at = <usize>c << 2;
    const lanes = channels - c;
    const more = f32x4.mul(loadLanes(from + at, lanes), by);
    storeLanes(to + at, f32x4.add(loadLanes(to + at, lanes), more), lanes);
  }
}

/** A chunk is some pixels of the output. */
export function deformOffsetGradientChunk(step: usize, chunk: i32): void {
  const size = word(step, Deform.chunkSize);
  const groups = word(step, Deform.groups);
  const taps = word(step, Deform.kernelHeight) * word(step, Deform.kernelWidth);
  const pixels =
    word(step, Deform.batch) * word(step, Deform.outHeight) * word(step, Deform.outWidth);
  const last = min(chunk * size + size, pixels);
  for (let pixel = chunk * size; pixel < last; pixel++) {
    for (let group = 0; group < groups; group++) {
      for (let tap = 0; tap < taps; tap++) slopeOf(step, pixel, group, tap);
    }
  }
}

function slopeOf(step: usize, pixel: i32, group: i32, tap: i32): void {
  const width = word(step, Deform.channels) / word(step, Deform.groups);
  const inside = locate(step, pixel, group, tap);
  const first = <usize>(group * width) << 2;
  const from = word(step, Deform.samples) + (<usize>sample << 2) + first;
  const source = word(step, Deform.input) + first;
  let down = f32x4.splat(0);
  let across = f32x4.splat(0);
  let value = f32x4.splat(0);
  const y = f32x4.splat(partY);
  const x = f32x4.splat(partX);
  for (let c = 0; inside && c < width; c += 4) {
    const at = source + (<usize>c << 2);
    const lanes = width - c;
    const g = loadLanes(from + (<usize>c << 2), lanes);
    const v00 = f32x4.mul(loadLanes(at + corner00, lanes), f32x4.splat(above * left));
    const v01 = f32x4.mul(loadLanes(at + corner01, lanes), f32x4.splat(above * right));
    const v10 = f32x4.mul(loadLanes(at + corner10, lanes), f32x4.splat(below * left));
    const v11 = f32x4.mul(loadLanes(at + corner11, lanes), f32x4.splat(below * right));
    const upper = mix(v00, v01, x);
    const lower = mix(v10, v11, x);
    const slope = mix(f32x4.sub(v01, v00), f32x4.sub(v11, v10), y);
    down = f32x4.add(down, f32x4.mul(g, f32x4.sub(lower, upper)));
    across = f32x4.add(across, f32x4.mul(g, slope));
    value = f32x4.add(value, f32x4.mul(g, mix(upper, lower, y)));
  }
  const by = factor(step);
  const to = word(step, Deform.gradOffset) + (place << 3);
  store<f32>(to, by * sumOf(down));
  store<f32>(to, by * sumOf(across), 4);
  const mask = word(step, Deform.gradMask);
  if (mask) store<f32>(mask + (place << 2), sumOf(value));
}

/** From a to b. */
@inline
function mix(a: v128, b: v128, part: v128): v128 {
  return f32x4.add(a, f32x4.mul(part, f32x4.sub(b, a)));
}

function sumOf(x: v128): f32 {
  const low = f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1);
  return low + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}
