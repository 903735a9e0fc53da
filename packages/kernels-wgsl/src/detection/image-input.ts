/**
 * From RGBA bytes to a network's input, in one pass: resize, RGB to BGR, minus the mean, padding.
 *
 * An invocation makes one column of up to `STRIP` output rows. It walks down the input rows and makes each row's
 * horizontal sum once: two neighbouring output rows share every input row, so `acc` is the row in work and `ahead`
 * the one below. That halves the taps of a plain two-dimensional sum, as a separate horizontal pass would, without
 * its intermediate image. Without resizing it only copies, at a third of the time on a CPU adapter. A workgroup's lanes take
 * neighbouring columns of one strip, so that they walk together and the rows' table is read at uniform addresses.
 *
 * An image larger than the largest binding comes in bands of rows, one dispatch each, in order: a row whose taps
 * began in an earlier band continues from the partial sum in the target.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { tapRadius } from "./taps.js";

/** Rows of input that are bound, out of an image's. */
export interface ImageBand {
  readonly firstRow: number;
  readonly rows: number;
}

/** One image and where it goes. */
export interface ImageInputSpec {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  /** Words between the starts of two source rows; default `sourceWidth`. */
  readonly sourceStride?: number;
  /** Default: the whole image. */
  readonly band?: ImageBand;
  /** Size of the scaled image, at the target's upper left. */
  readonly width: number;
  readonly height: number;
  /** Size of the target; what the image does not cover becomes 0, the mean. */
  readonly targetWidth: number;
  readonly targetHeight: number;
  /** First element of the target, in floats. */
  readonly targetOffset: number;
  /** Subtracted from blue, green and red. */
  readonly mean: readonly [b: number, g: number, r: number];
}

/** Output rows of an invocation: 8 read 1 + 2/8 as many rows as an endless column would. */
const STRIP = 8;

const LANES = 64;

const GLOBALS = `
const LANES = ${LANES}u;
fn weight(entry: vec4<f32>, k: f32, perTap: f32) -> f32 {
  return max(0.0, 1.0 - abs(k - entry.y) * perTap) * entry.w;
}
fn pixel(at: u32) -> vec3<f32> {
  let rgba = source[at];
  return vec3<f32>(vec3<u32>((rgba >> 16u) & 255u, (rgba >> 8u) & 255u, rgba & 255u));
}
fn rowSum(row: i32, column: vec4<f32>) -> vec3<f32> {
  let base = u32(row) * p.sourceStride;
  let last = i32(p.sourceWidth) - 1;
  let first = i32(column.x);
  var sum = vec3<f32>();
  for (var k = 0; k < i32(column.z); k += 2) {
    let a = pixel(base + u32(clamp(first + k, 0, last)));
    let b = pixel(base + u32(clamp(first + k + 1, 0, last)));
    sum += weight(column, f32(k), p.perColumn) * a;
    sum += weight(column, f32(k + 1), p.perColumn) * b;
  }
  return sum;
}
fn load(at: u32) -> vec3<f32> {
  return vec3<f32>(image[at], image[at + 1u], image[at + 2u]);
}
fn store(at: u32, bgr: vec3<f32>) {
  image[at] = bgr.x;
  image[at + 1u] = bgr.y;
  image[at + 2u] = bgr.z;
}`;

const BODY = `
  let across = (p.targetWidth + LANES - 1u) / LANES;
  let x = group % across * LANES + lane;
  let top = group / across * p.strip;
  let bottom = min(top + p.strip, p.targetHeight);
  let end = min(bottom, p.height);
  let step = p.targetWidth * 3u;
  let corner = p.targetOffset + x * 3u;
  let covered = x < p.width;
  let mean = vec3<f32>(p.meanB, p.meanG, p.meanR);
  if (p.copy != 0u) {
    let stop = min(i32(end), p.lastRow + 1);
    for (var r = max(i32(top), p.firstRow); r < stop; r++) {
      let at = u32(r - p.boundRow) * p.sourceStride + x;
      if (covered) { store(corner + u32(r) * step, pixel(at) - mean); }
    }
  } else if (top < end) {
    let column = taps[min(x, p.width - 1u)];
    var y = top;
    var row = taps[p.width + y];
    let lowest = taps[p.width + end - 1u];
    if (i32(row.x) > p.lastRow || i32(lowest.x + lowest.z) <= p.firstRow) { return; }
    var next = taps[p.width + min(y + 1u, end - 1u)];
    var acc = vec3<f32>();
    var ahead = vec3<f32>();
    for (var r = i32(row.x); y < end; r++) {
      if (r >= p.firstRow && r <= p.lastRow) {
        let sum = rowSum(clamp(r, 0, i32(p.sourceHeight) - 1) - p.boundRow, column);
        acc += weight(row, f32(r) - row.x, p.perRow) * sum;
        ahead += weight(next, f32(r) - next.x, p.perRow) * sum;
      }
      if (f32(r) + 1.0 >= row.x + row.z || r >= p.lastRow) {
        if (covered && i32(row.x + row.z) > p.firstRow) {
          let at = corner + y * step;
          if (i32(row.x) >= p.firstRow) { acc -= mean; } else { acc += load(at); }
          store(at, acc);
        }
        y += 1u;
        row = next;
        next = taps[p.width + min(y + 1u, end - 1u)];
        if (i32(row.x) > p.lastRow) { return; }
        acc = ahead;
        ahead = vec3<f32>();
        r = max(r, i32(row.x) - 1);
      }
    }
  }
  if (x < p.targetWidth) {
    for (var y = select(top, max(top, end), covered); y < bottom; y++) {
      store(corner + y * step, vec3<f32>());
    }
  }`;

/**
 * Bindings: source as one RGBA word a pixel (the band's rows), taps (the columns' table, then the rows', by
 * `writeTaps`), target `f32` NHWC with 3 channels.
 */
export function imageInput(spec: ImageInputSpec): Kernel {
  const { sourceWidth, sourceHeight, sourceStride = sourceWidth, mean } = spec;
  const { width, height, targetWidth, targetHeight } = spec;
  const { firstRow, rows } = spec.band ?? { firstRow: 0, rows: sourceHeight };
  const strip = height > sourceHeight ? 1 : STRIP;
  const last = firstRow + rows;
  return defineKernel({
    name: "image-input",
    buffers: [input("source", "u32"), input("taps", "vec4<f32>"), output("image", "f32")],
    params: {
      targetWidth,
      targetHeight,
      width,
      height,
      sourceWidth,
      sourceHeight,
      sourceStride,
      copy: width === sourceWidth && height === sourceHeight ? 1 : 0,
      strip,
      targetOffset: spec.targetOffset,
      // The first band also has the taps above the image, the last those below.
      firstRow: { i32: firstRow === 0 ? -(2 ** 30) : firstRow },
      lastRow: { i32: last === sourceHeight ? 2 ** 30 : last - 1 },
      boundRow: { i32: firstRow },
      perColumn: { f32: 1 / tapRadius(sourceWidth, width) },
      perRow: { f32: 1 / tapRadius(sourceHeight, height) },
      meanB: { f32: mean[0] },
      meanG: { f32: mean[1] },
      meanR: { f32: mean[2] },
    },
    globals: GLOBALS,
    count: Math.ceil(targetWidth / LANES) * Math.ceil(targetHeight / strip),
    perGroup: true,
    threads: LANES,
    body: BODY,
    flops: width * height * 6,
    bytes: sourceWidth * rows * 4 + targetWidth * targetHeight * 12,
  });
}
