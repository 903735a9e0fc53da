/**
 * Sums over the rows of a batch norm: the batch's statistics, and the gradients to gamma and beta. A chunk
 * is a segment of rows, taken in blocks that stay in the first-level cache. Whoever ends the last chunk merges
 * all segments, in their order: a few numbers a channel, for which threads need not meet once more.
 *
 * A block's mean is taken first, then the squared deviations from it, corrected by what the deviations
 * themselves sum up to (Chan, Golub and LeVeque 1983), and merged with what came before by Chan's formula,
 * M2 = M2ₐ + M2ᵦ + δ²·nₐnᵦ/n: accurate where the mean is a thousand standard deviations, where E[x²] −
 * E[x]² loses every digit. Rows go by twos and fours into sums of their own: one sum waits for itself.
 */
import { BatchNorm } from "../src/gradient-records";
import { beforeActivation, inverseOf } from "./batchnorm";
import { storeLanes } from "./tail";
import { float, word } from "./team";

/** Floats of a block. */
const BLOCK = 4096;

@inline
function blockRows(channels: i32): i32 {
  return max(8, BLOCK / channels);
}

/** Bytes of a channel's numbers in `partial`, rounded up to whole vectors. */
@inline
function widthOf(step: usize): usize {
  return <usize>((word(step, BatchNorm.channels) + 3) & ~3) << 2;
}

/** Whether this was the last chunk to end: all that others wrote can then be read. */
function endsLast(step: usize): bool {
  const done = step + (BatchNorm.done << 2);
  if (atomic.add<i32>(done, 1) < word(step, BatchNorm.segments) - 1) return false;
  atomic.store<i32>(done, 0);
  return true;
}

/** Means, then sums of squared deviations, of a segment. */
export function statisticsChunk(step: usize, chunk: i32): void {
  const channels = word(step, BatchNorm.channels);
  const size = word(step, BatchNorm.chunkRows);
  const first = chunk * size;
  const count = min(size, word(step, BatchNorm.rows) - first);
  const row = <usize>channels << 2;
  const width = widthOf(step);
  const to = <usize>word(step, BatchNorm.partial) + chunk * width * 2;
  const most = blockRows(channels);
  for (let done = 0; done < count; done += most) {
    const rows = min(most, count - done);
    const x = <usize>word(step, BatchNorm.x) + (first + done) * row;
    for (let c: usize = 0; c < width; c += 16) {
      mergeBlock(x + c, row, rows, done, to + c, to + width + c);
    }
  }
  if (!endsLast(step)) return;
  for (let i = 0; i < channels; i += 4) mergeStatistics(step, i);
}

/** Merges a block of rows with the `done` rows before it. */
function mergeBlock(
  x: usize,
  row: usize,
  rows: i32,
  done: i32,
  meanAt: usize,
  squaresAt: usize,
): void {
  const end = x + rows * row;
  const whole = x + (rows & ~3) * row;
  const half = row * 2;
  let at = x;
  let sum = f32x4.splat(0);
  let sum1 = sum;
  let sum2 = sum;
  let sum3 = sum;
  for (; at < whole; at += half * 2) {
    sum = f32x4.add(sum, v128.load(at));
    sum1 = f32x4.add(sum1, v128.load(at + row));
    sum2 = f32x4.add(sum2, v128.load(at + half));
    sum3 = f32x4.add(sum3, v128.load(at + half + row));
  }
  for (; at < end; at += row) sum = f32x4.add(sum, v128.load(at));
  sum = f32x4.add(f32x4.add(sum, sum1), f32x4.add(sum2, sum3));
  const perRow = f32x4.splat(<f32>1 / <f32>rows);
  let own = f32x4.mul(sum, perRow);
  let rest = f32x4.splat(0);
  let squares = rest;
  let rest1 = rest;
  let squares1 = rest;
  for (at = x; at < whole; at += half) {
    const d = f32x4.sub(v128.load(at), own);
    rest = f32x4.add(rest, d);
    squares = f32x4.add(squares, f32x4.mul(d, d));
    const d1 = f32x4.sub(v128.load(at + row), own);
    rest1 = f32x4.add(rest1, d1);
    squares1 = f32x4.add(squares1, f32x4.mul(d1, d1));
  }
  for (; at < end; at += row) {
    const d = f32x4.sub(v128.load(at), own);
    rest = f32x4.add(rest, d);
    squares = f32x4.add(squares, f32x4.mul(d, d));
  }
  rest = f32x4.add(rest, rest1);
  squares = f32x4.add(squares, squares1);
  own = f32x4.add(own, f32x4.mul(rest, perRow));
  squares = f32x4.sub(squares, f32x4.mul(f32x4.mul(rest, rest), perRow));
  if (done > 0) {
    const mean = v128.load(meanAt);
    const delta = f32x4.sub(own, mean);
    const share: f32 = <f32>rows / <f32>(done + rows);
    const weight = f32x4.splat(share * <f32>done);
    own = f32x4.add(mean, f32x4.mul(delta, f32x4.splat(share)));
    squares = f32x4.add(squares, f32x4.mul(f32x4.mul(delta, delta), weight));
    squares = f32x4.add(squares, v128.load(squaresAt));
  }
  v128.store(meanAt, own);
  v128.store(squaresAt, squares);
}

/** Mean and biased variance of 4 channels; the running ones in place, by the unbiased variance. */
function mergeStatistics(step: usize, channel: i32): void {
  const c = <usize>channel << 2;
  const lanes = word(step, BatchNorm.channels) - channel;
  const width = widthOf(step);
  const segments = word(step, BatchNorm.segments);
  const size = word(step, BatchNorm.chunkRows);
  const rows = word(step, BatchNorm.rows);
  const partial = <usize>word(step, BatchNorm.partial) + c;
  const base = v128.load(partial);
  let shift = f32x4.splat(0);
  for (let i = 0; i < segments; i++) {
    const count = f32x4.splat(<f32>min(size, rows - i * size));
    const d = f32x4.sub(v128.load(partial + i * width * 2), base);
    shift = f32x4.add(shift, f32x4.mul(count, d));
  }
  const mean = f32x4.add(base, f32x4.div(shift, f32x4.splat(<f32>rows)));
  let squares = f32x4.splat(0);
  for (let i = 0; i < segments; i++) {
    const count = f32x4.splat(<f32>min(size, rows - i * size));
    const d = f32x4.sub(v128.load(partial + i * width * 2), mean);
    squares = f32x4.add(squares, v128.load(partial + i * width * 2 + width));
    squares = f32x4.add(squares, f32x4.mul(count, f32x4.mul(d, d)));
  }
  const variance = f32x4.div(squares, f32x4.splat(<f32>rows));
  storeLanes(<usize>word(step, BatchNorm.mean) + c, mean, lanes);
  storeLanes(<usize>word(step, BatchNorm.variance) + c, variance, lanes);
  if (word(step, BatchNorm.runningMean)) {
    const unbiased = f32x4.mul(variance, f32x4.splat(float(step, BatchNorm.unbias)));
    approach(step, <usize>word(step, BatchNorm.runningMean) + c, mean, lanes);
    approach(step, <usize>word(step, BatchNorm.runningVariance) + c, unbiased, lanes);
  }
}

/** r += momentum · (value − r). */
function approach(step: usize, at: usize, value: v128, lanes: i32): void {
  const r = v128.load(at);
  const by = f32x4.mul(f32x4.splat(float(step, BatchNorm.momentum)), f32x4.sub(value, r));
  storeLanes(at, f32x4.add(r, by), lanes);
}

/** Σ g · x̂, then Σ g, of a segment. */
export function sumsChunk(step: usize, chunk: i32): void {
  const channels = word(step, BatchNorm.channels);
  const size = word(step, BatchNorm.chunkRows);
  const first = chunk * size;
  const count = min(size, word(step, BatchNorm.rows) - first);
  const width = widthOf(step);
  const to = <usize>word(step, BatchNorm.partial) + chunk * width * 2;
  const most = blockRows(channels);
  for (let done = 0; done < count; done += most) {
    const rows = min(most, count - done);
    for (let c: usize = 0; c < width; c += 16) {
      addBlock(step, first + done, rows, c, done == 0, to + c, to + width + c);
    }
  }
  if (!endsLast(step)) return;
  for (let i = 0; i < channels; i += 4) mergeSums(step, i);
}

function addBlock(
  step: usize,
  first: i32,
  rows: i32,
  c: usize,
  fresh: bool,
  dotAt: usize,
  sumAt: usize,
): void {
  const row = <usize>word(step, BatchNorm.channels) << 2;
  const activated = word(step, BatchNorm.activated) != 0;
  const slope = f32x4.splat(float(step, BatchNorm.slope));
  const mean = v128.load(<usize>word(step, BatchNorm.mean) + c);
  const inverse = inverseOf(step, c);
  let scale = inverse;
  let shift = inverse;
  if (activated) {
    scale = f32x4.mul(inverse, v128.load(<usize>word(step, BatchNorm.gamma) + c));
    shift = v128.load(<usize>word(step, BatchNorm.beta) + c);
  }
  let from = <usize>word(step, BatchNorm.x) + first * row + c;
  let gradient = <usize>word(step, BatchNorm.gradient) + first * row + c;
  const end = from + rows * row;
  const whole = from + (rows & ~1) * row;
  let sum = f32x4.splat(0);
  let dot = sum;
  let sum1 = sum;
  let dot1 = sum;
  if (activated) {
    for (; from < whole; from += row * 2, gradient += row * 2) {
      const x = f32x4.sub(v128.load(from), mean);
      const x1 = f32x4.sub(v128.load(from + row), mean);
      const value = f32x4.add(f32x4.mul(x, scale), shift);
      const value1 = f32x4.add(f32x4.mul(x1, scale), shift);
      const g = beforeActivation(v128.load(gradient), value, slope);
      const g1 = beforeActivation(v128.load(gradient + row), value1, slope);
      sum = f32x4.add(sum, g);
      sum1 = f32x4.add(sum1, g1);
      dot = f32x4.add(dot, f32x4.mul(g, x));
      dot1 = f32x4.add(dot1, f32x4.mul(g1, x1));
    }
  } else {
    for (; from < whole; from += row * 2, gradient += row * 2) {
      const g = v128.load(gradient);
      const g1 = v128.load(gradient + row);
      sum = f32x4.add(sum, g);
      sum1 = f32x4.add(sum1, g1);
      dot = f32x4.add(dot, f32x4.mul(g, f32x4.sub(v128.load(from), mean)));
      dot1 = f32x4.add(dot1, f32x4.mul(g1, f32x4.sub(v128.load(from + row), mean)));
    }
  }
  if (from < end) {
    const x = f32x4.sub(v128.load(from), mean);
    let g = v128.load(gradient);
    if (activated) g = beforeActivation(g, f32x4.add(f32x4.mul(x, scale), shift), slope);
    sum = f32x4.add(sum, g);
    dot = f32x4.add(dot, f32x4.mul(g, x));
  }
  sum = f32x4.add(sum, sum1);
  dot = f32x4.add(dot, dot1);
  dot = f32x4.mul(dot, inverse);
  v128.store(dotAt, fresh ? dot : f32x4.add(v128.load(dotAt), dot));
  v128.store(sumAt, fresh ? sum : f32x4.add(v128.load(sumAt), sum));
}

/** The gradients to gamma and beta of 4 channels. */
function mergeSums(step: usize, channel: i32): void {
  const c = <usize>channel << 2;
  const channels = word(step, BatchNorm.channels);
  const lanes = channels - channel;
  const width = widthOf(step);
  let from = <usize>word(step, BatchNorm.partial) + c;
  let dot = f32x4.splat(0);
  let sum = f32x4.splat(0);
  for (let i = 0; i < word(step, BatchNorm.segments); i++) {
    dot = f32x4.add(dot, v128.load(from));
    sum = f32x4.add(sum, v128.load(from + width));
    from += width * 2;
  }
  storeLanes(<usize>word(step, BatchNorm.gradGamma) + c, dot, lanes);
  storeLanes(<usize>word(step, BatchNorm.gradBeta) + c, sum, lanes);
  const sums = <usize>word(step, BatchNorm.sums) + c;
  storeLanes(sums, dot, lanes);
  storeLanes(sums + (<usize>channels << 2), sum, lanes);
}
