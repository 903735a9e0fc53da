/**
 * Gradient towards the input of a depthwise convolution with strides, by the phases of
 * `input-gradient.ts`, 4 channels at a time: pixels of a row that leave the same remainder by the stride take
 * the same taps, one, two or four of a 3×3 kernel with stride 2, whose weights stay in registers along the
 * row. Pixels at the edges list the taps that reach them.
 */
import { Phase, StridedGradient } from "../src/gradient-records";
import { Window } from "../src/records";
import { phaseOf } from "./input-gradient";
import { residualAt } from "./residual";
import { loadLanes, storeLanes } from "./tail";
import { word } from "./team";

/** Words of an entry of the list: addresses of gradient and weights. */
const ENTRY: usize = 8;

/** A row of the input. */
export function depthwiseGradientChunk(step: usize, chunk: i32, thread: i32): void {
  const width = word(step, Window.outWidth);
  const strideY = word(step, Window.strideY);
  const strideX = word(step, Window.strideX);
  const row = phaseOf(step, (chunk % word(step, Window.outHeight)) % strideY);
  const list =
    <usize>word(step, StridedGradient.scratch) + thread * word(step, StridedGradient.scratchBytes);
  for (let phase = 0; phase < strideX; phase++) {
    const column = phaseOf(step, strideY + phase);
    const all = (width - phase + strideX - 1) / strideX;
    const shift = word(column, Phase.shift);
    const reach = (word(column, Phase.count) - 1) * word(column, Phase.dilation);
    const from = min(max(reach - shift, 0), all);
    const until = max(from, min(word(step, Window.inWidth) - shift, all));
    edge(step, chunk, row, column, phase, 0, from, list);
    if (from < until) inner(step, chunk, row, column, phase, from, until, list);
    edge(step, chunk, row, column, phase, until, all, list);
  }
}

/** Pixels `stride · t + phase` of a row for t from `from` to `until`, each with taps of its own. */
function edge(
  step: usize,
  line: i32,
  row: usize,
  column: usize,
  phase: i32,
  from: i32,
  until: i32,
  list: usize,
): void {
  const height = word(step, Window.outHeight);
  const width = word(step, Window.outWidth);
  const strideX = word(step, Window.strideX);
  const channels = word(step, StridedGradient.groups);
  const hasResidual = word(step, StridedGradient.residual) != 0;
  const outPixel = word(step, Window.outStride) << 2;
  for (let t = from; t < until; t++) {
    const x = t * strideX + phase;
    const end = listTaps(step, line, row, column, t, list);
    const residual = hasResidual
      ? residualAt(step, StridedGradient.residual, line / height, line % height, x)
      : 0;
    const to = word(step, Window.output) + (line * width + x) * outPixel;
    for (let c = 0; c < channels; c += 4) {
      const lanes = channels - c;
      let sum = residual ? loadLanes(residual + (c << 2), lanes) : f32x4.splat(0);
      for (let tap = list; tap < end; tap += ENTRY) sum = f32x4.add(sum, termOf(tap, c << 2, 0));
      storeLanes(to + (c << 2), sum, lanes);
    }
  }
}

/** Gradient times weight of an entry, `further` bytes along the row. */
@inline
function termOf(tap: usize, c: usize, further: usize): v128 {
  const g = v128.load(<usize>load<u32>(tap) + c + further);
  return f32x4.mul(g, v128.load(<usize>load<u32>(tap, 4) + c));
}

/** The same for pixels that all have the same taps. */
function inner(
  step: usize,
  line: i32,
  row: usize,
  column: usize,
  phase: i32,
  from: i32,
  until: i32,
  list: usize,
): void {
  const end = listTaps(step, line, row, column, from, list);
  const count = (end - list) / ENTRY;
  const channels = word(step, StridedGradient.groups);
  const special = count == 1 || count == 2 || count == 4;
  if (!special || (channels & 3) != 0 || word(step, StridedGradient.residual) != 0) {
    edge(step, line, row, column, phase, from, until, list);
    return;
  }
  const pixel = <usize>word(step, Window.inStride) << 2;
  const strideX = word(step, Window.strideX);
  const outPixel = <usize>word(step, Window.outStride) << 2;
  const advance = outPixel * strideX;
  const x = line * word(step, Window.outWidth) + from * strideX + phase;
  const out = <usize>word(step, Window.output) + x * outPixel;
  const stop = out + (until - from) * advance;
  for (let c: usize = 0; c < <usize>channels << 2; c += 16) {
    let to = out + c;
    let g0 = <usize>load<u32>(list) + c;
    const w0 = v128.load(<usize>load<u32>(list, 4) + c);
    if (count == 1) {
      for (; to < stop; to += advance, g0 += pixel) v128.store(to, f32x4.mul(v128.load(g0), w0));
      continue;
    }
    let g1 = <usize>load<u32>(list, 8) + c;
    const w1 = v128.load(<usize>load<u32>(list, 12) + c);
    if (count == 2) {
      for (; to < stop; to += advance, g0 += pixel, g1 += pixel) {
        const sum = f32x4.mul(v128.load(g0), w0);
        v128.store(to, f32x4.add(sum, f32x4.mul(v128.load(g1), w1)));
      }
      continue;
    }
    let g2 = <usize>load<u32>(list, 16) + c;
    let g3 = <usize>load<u32>(list, 24) + c;
    const w2 = v128.load(<usize>load<u32>(list, 20) + c);
    const w3 = v128.load(<usize>load<u32>(list, 28) + c);
    for (; to < stop; to += advance) {
      const a = f32x4.add(f32x4.mul(v128.load(g0), w0), f32x4.mul(v128.load(g1), w1));
      const b = f32x4.add(f32x4.mul(v128.load(g2), w2), f32x4.mul(v128.load(g3), w3));
      v128.store(to, f32x4.add(a, b));
      g0 += pixel;
      g1 += pixel;
      g2 += pixel;
      g3 += pixel;
    }
  }
}

/** Lists the taps that reach pixel `stride · s + phase` of a row; returns the list's end. */
function listTaps(
  step: usize,
  line: i32,
  row: usize,
  column: usize,
  s: i32,
  list: usize,
): usize {
  const rows = word(step, Window.outHeight);
  const n = line / rows;
  const t = (line % rows) / word(step, Window.strideY);
  const height = word(step, Window.inHeight);
  const width = word(step, Window.inWidth);
  const pixel = word(step, Window.inStride) << 2;
  const tap = ((word(step, StridedGradient.groups) + 3) & ~3) << 2;
  const across = word(step, Window.kernelWidth);
  for (let i = 0; i < word(row, Phase.count); i++) {
    const y = t + word(row, Phase.shift) - i * word(row, Phase.dilation);
    if (<u32>y >= <u32>height) continue;
    const pixels = word(step, Window.input) + (n * height + y) * width * pixel;
    const ky = word(row, Phase.first) + i * word(row, Phase.step);
    for (let j = 0; j < word(column, Phase.count); j++) {
      const x = s + word(column, Phase.shift) - j * word(column, Phase.dilation);
      if (<u32>x >= <u32>width) continue;
      const kx = word(column, Phase.first) + j * word(column, Phase.step);
      store<u32>(list, pixels + x * pixel);
      store<u32>(list, word(step, StridedGradient.weights) + (ky * across + kx) * tap, 4);
      list += ENTRY;
    }
  }
  return list;
}
