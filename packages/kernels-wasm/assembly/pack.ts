/**
 * Weights that change with every training step, laid out for the kernels: what `src/conv2d/pack.ts`
 * does once. The source is OIHW with whatever strides, so that the same code packs the transposed and
 * mirrored weights of an input gradient. A chunk is a panel of 8 columns. Everything is written,
 * zeros too: the memory may hold anything before.
 */
import { Pack } from "../src/gradient-records";
import { word } from "./team";
import { winogradMatrix } from "./winograd";

const PANEL = 8;

/** The bias of a panel, zeros behind the last column. */
function packBias(step: usize, group: i32, panel: i32): void {
  const bias = word(step, Pack.bias);
  const columns = word(step, Pack.columns);
  const width = (columns + PANEL - 1) & ~(PANEL - 1);
  const to = word(step, Pack.packedBias) + ((group * width + panel * PANEL) << 2);
  for (let i = 0; i < PANEL; i++) {
    const column = panel * PANEL + i;
    const given = bias != 0 && column < columns;
    const value = given ? load<f32>(bias + ((group * columns + column) << 2)) : 0;
    store<f32>(to + (i << 2), value);
  }
}

/** For the product: terms in the order kernel row, kernel column, channel; 8 columns side by side. */
export function packProductChunk(step: usize, chunk: i32): void {
  const columns = word(step, Pack.columns);
  const channels = word(step, Pack.channels);
  const panels = (columns + PANEL - 1) / PANEL;
  const group = chunk / panels;
  const panel = chunk % panels;
  const tapsDown = word(step, Pack.tapsDown);
  const tapsAcross = word(step, Pack.tapsAcross);
  const depth = channels * tapsDown * tapsAcross;
  const columnStride = word(step, Pack.columnStride) << 2;
  const channelStride = word(step, Pack.channelStride) << 2;
  const first =
    word(step, Pack.weight) +
    ((group * word(step, Pack.groupStride) + word(step, Pack.tapFirst)) << 2) +
    panel * PANEL * columnStride;
  const count = min(PANEL, columns - panel * PANEL);
  let to = <usize>word(step, Pack.packed) + (((group * panels + panel) * PANEL * depth) << 2);
  packBias(step, group, panel);
  for (let ky = 0; ky < tapsDown; ky++) {
    for (let kx = 0; kx < tapsAcross; kx++) {
      let from =
        first + ((ky * word(step, Pack.tapStrideY) + kx * word(step, Pack.tapStrideX)) << 2);
      for (let c = 0; c < channels; c++) {
        if (count < PANEL) {
          v128.store(to, f32x4.splat(0));
          v128.store(to, f32x4.splat(0), 16);
          for (let i = 0; i < count; i++) {
            store<f32>(to + (i << 2), load<f32>(from + i * columnStride));
          }
        } else {
          v128.store(to, gather(from, columnStride));
          v128.store(to, gather(from + columnStride * 4, columnStride), 16);
        }
        from += channelStride;
        to += PANEL << 2;
      }
    }
  }
}

/** Four floats, `stride` bytes apart. */
@inline
function gather(from: usize, stride: usize): v128 {
  let x = v128.load32_zero(from);
  x = v128.load32_lane(from + stride, x, 1);
  x = v128.load32_lane(from + stride * 2, x, 2);
  return v128.load32_lane(from + stride * 3, x, 3);
}

/** Tap by tap, channels side by side, rounded up to 4; then the biases. */
export function packDepthwiseChunk(step: usize): void {
  const channels = word(step, Pack.columns);
  const width = (channels + 3) & ~3;
  const weight = word(step, Pack.weight) + (word(step, Pack.tapFirst) << 2);
  const bias = word(step, Pack.bias);
  let to = <usize>word(step, Pack.packed);
  for (let ky = 0; ky < word(step, Pack.tapsDown); ky++) {
    for (let kx = 0; kx < word(step, Pack.tapsAcross); kx++) {
      const tap = ky * word(step, Pack.tapStrideY) + kx * word(step, Pack.tapStrideX);
      for (let c = 0; c < width; c++) {
        const at = weight + ((c * word(step, Pack.columnStride) + tap) << 2);
        store<f32>(to, c < channels ? load<f32>(at) : 0);
        to += 4;
      }
    }
  }
  to = <usize>word(step, Pack.packedBias);
  for (let c = 0; c < width; c++) {
    store<f32>(to + (c << 2), bias != 0 && c < channels ? load<f32>(bias + (c << 2)) : 0);
  }
}

/**
 * 36 matrices G g Gᵀ of F(4×4, 3×3) (Lavin and Gray 2016), for 4 kernels at a time. In single
 * precision: it adds a unit in the last place to weights whose products lose five
 * (`winograd.ts`).
 */
export function packWinogradChunk(step: usize, chunk: i32): void {
  const columns = word(step, Pack.columns);
  const channels = word(step, Pack.channels);
  const width = (columns + PANEL - 1) & ~(PANEL - 1);
  const columnStride = word(step, Pack.columnStride) << 2;
  const channelStride = word(step, Pack.channelStride) << 2;
  const tapY = word(step, Pack.tapStrideY) << 2;
  const tapX = word(step, Pack.tapStrideX) << 2;
  const matrix = winogradMatrix(channels, width);
  packBias(step, 0, chunk);
  const column = chunk * PANEL;
  let from = word(step, Pack.weight) + (word(step, Pack.tapFirst) << 2) + column * columnStride;
  let to = <usize>word(step, Pack.packed) + ((column * channels) << 2);
  for (let c = 0; c < channels; c++) {
    for (let half = 0; half < PANEL; half += 4) {
      const lanes = columns - column - half;
      const place = to + (half << 2);
      if (lanes > 0) {
        transformFour(from + half * columnStride, columnStride, tapY, tapX, lanes, place, matrix);
      } else {
        for (let i = 0; i < 36; i++) v128.store(place + matrix * i, f32x4.splat(0));
      }
    }
    from += channelStride;
    to += PANEL << 2;
  }
  if (column + PANEL < columns) return;
  // Behind the last panel: what keeps the matrices apart.
  for (let i = 0; i < 36; i++) {
    const end = <usize>word(step, Pack.packed) + matrix * (i + 1);
    for (let at: usize = to + matrix * i; at < end; at += 16) v128.store(at, f32x4.splat(0));
  }
}

/** The 36 values of up to 4 kernels. */
function transformFour(
  from: usize,
  stride: i32,
  tapY: i32,
  tapX: i32,
  lanes: i32,
  to: usize,
  matrix: usize,
): void {
  // Columns first: each of the three gives six values, kept in the first rows of the result.
  for (let x = 0; x < 3; x++) {
    const at = from + x * tapX;
    const a = gatherSome(at, stride, lanes);
    const b = gatherSome(at + tapY, stride, lanes);
    const c = gatherSome(at + tapY * 2, stride, lanes);
    transform(a, b, c, to + matrix * x, matrix * 6);
  }
  for (let y = 0; y < 6; y++) {
    const row = to + matrix * (y * 6);
    const a = v128.load(row);
    const b = v128.load(row + matrix);
    const c = v128.load(row + matrix * 2);
    transform(a, b, c, row, matrix);
  }
}

@inline
function gatherSome(from: usize, stride: i32, lanes: i32): v128 {
  if (lanes >= 4) return gather(from, stride);
  let x = v128.load32_zero(from);
  if (lanes > 1) x = v128.load32_lane(from + stride, x, 1);
  if (lanes > 2) x = v128.load32_lane(from + stride * 2, x, 2);
  return x;
}

/** G·(a, b, c). */
@inline
function transform(a: v128, b: v128, c: v128, to: usize, step: usize): void {
  const ends = f32x4.mul(f32x4.add(a, c), f32x4.splat(-1.0 / 6.0));
  const middle = f32x4.mul(b, f32x4.splat(1.0 / 6.0));
  const far = f32x4.mul(f32x4.add(a, f32x4.mul(c, f32x4.splat(4))), f32x4.splat(1.0 / 24.0));
  const twice = f32x4.mul(b, f32x4.splat(1.0 / 12.0));
  v128.store(to, f32x4.mul(a, f32x4.splat(0.25)));
  v128.store(to + step, f32x4.sub(ends, middle));
  v128.store(to + step * 2, f32x4.add(ends, middle));
  v128.store(to + step * 3, f32x4.add(far, twice));
  v128.store(to + step * 4, f32x4.sub(far, twice));
  v128.store(to + step * 5, c);
}
