/**
 * From RGBA bytes to a network's input: resize, RGB to BGR, minus the mean. A chunk is a strip of
 * output rows. It walks down the rows of the source and makes each row's horizontal sum once:
 * neighbouring rows of output share it, so one row of output is in work and one ahead. Three never
 * share a row of the source, unless the image is enlarged: then a chunk is one row.
 */
import { Image, Taps } from "../src/records";
import { float, word } from "./team";

export function imageChunk(step: usize, chunk: i32, thread: i32): void {
  const width = word(step, Image.width);
  const size = word(step, Image.chunkRows);
  const first = chunk * size;
  const end = min(first + size, word(step, Image.height));
  let now = <usize>word(step, Image.scratch) + thread * word(step, Image.scratchBytes);
  let ahead = now + (<usize>width << 4);
  const sums = ahead + (<usize>width << 4);
  memory.fill(now, 0, <usize>width << 5);
  let y = first;
  const start = rowTap(step, y, Taps.first);
  const bottom = rowTap(step, end - 1, Taps.first) + rowTap(step, end - 1, Taps.count);
  for (let row = start; row < bottom; row++) {
    sumRow(step, row, sums);
    gather(step, y, row, sums, now);
    if (y + 1 < end) gather(step, y + 1, row, sums, ahead);
    while (y < end && row + 1 >= rowTap(step, y, Taps.first) + rowTap(step, y, Taps.count)) {
      storeRow(step, y, now);
      y++;
      const done = now;
      now = ahead;
      ahead = done;
      memory.fill(ahead, 0, <usize>width << 4);
    }
  }
}

@inline
function rowTap(step: usize, y: i32, field: i32): i32 {
  const entry = (word(step, Image.width) + y) * Taps.size + field;
  return load<i32>(word(step, Image.taps) + (<usize>entry << 2));
}

/** Adds a row of sums to a row of output, with the weight that it has there. */
function gather(step: usize, y: i32, row: i32, sums: usize, to: usize): void {
  const tap = row - rowTap(step, y, Taps.first);
  if (<u32>tap >= <u32>rowTap(step, y, Taps.count)) return;
  const weights = rowTap(step, y, Taps.weights) + tap;
  const weight = v128.load32_splat(word(step, Image.taps) + (<usize>weights << 2));
  const end = to + (<usize>word(step, Image.width) << 4);
  for (; to < end; to += 16, sums += 16) {
    v128.store(to, f32x4.add(v128.load(to), f32x4.mul(v128.load(sums), weight)));
  }
}

/** The horizontal sums of a row of the source, R, G, B and A of each column of output. */
function sumRow(step: usize, row: i32, to: usize): void {
  const width = word(step, Image.width);
  const sourceWidth = word(step, Image.sourceWidth);
  const taps = <usize>word(step, Image.taps);
  const y = min(max(row, 0), word(step, Image.sourceHeight) - 1);
  const line = <usize>word(step, Image.source) + (<usize>(y * sourceWidth) << 2);
  for (let x = 0; x < width; x++) {
    const entry = taps + x * (Taps.size << 2);
    const first = load<i32>(entry + (Taps.first << 2));
    const count = load<i32>(entry + (Taps.count << 2));
    let weight = taps + (<usize>load<i32>(entry + (Taps.weights << 2)) << 2);
    let sum = f32x4.splat(0);
    if (first >= 0 && first + count <= sourceWidth) {
      let at = line + (<usize>first << 2);
      const end = at + (<usize>count << 2);
      for (; at < end; at += 4, weight += 4) {
        sum = f32x4.add(sum, f32x4.mul(pixel(at), v128.load32_splat(weight)));
      }
    } else {
      for (let i = 0; i < count; i++, weight += 4) {
        const at = min(max(first + i, 0), sourceWidth - 1);
        const value = pixel(line + (<usize>at << 2));
        sum = f32x4.add(sum, f32x4.mul(value, v128.load32_splat(weight)));
      }
    }
    v128.store(to, sum);
    to += 16;
  }
}

@inline
function pixel(at: usize): v128 {
  const bytes = v128.load32_zero(at);
  const words = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(bytes));
  return f32x4.convert_i32x4_u(words);
}

function storeRow(step: usize, y: i32, from: usize): void {
  const width = word(step, Image.width);
  const blue = float(step, Image.meanB);
  const green = float(step, Image.meanG);
  const red = float(step, Image.meanR);
  let to = <usize>word(step, Image.output) + <usize>(y * width) * 12;
  for (let x = 0; x < width; x++) {
    store<f32>(to, load<f32>(from, 8) - blue);
    store<f32>(to, load<f32>(from, 4) - green, 4);
    store<f32>(to, load<f32>(from) - red, 8);
    from += 16;
    to += 12;
  }
}
