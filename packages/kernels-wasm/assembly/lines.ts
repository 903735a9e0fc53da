/**
 * What goes along one axis of [outer, extent, inner]: order, cumulative sums, positions of extremes. A line is one thread's.
 *
 * Order is that of pairs (key, position), no two of which are equal: keys are values as unsigned numbers whose order is
 * theirs. The first `take` of them stay in a heap with the last of those on top, within the output itself, which needs no
 * other memory whatever the length; the heap is then taken apart from its end. That is n log take comparisons; a radix sort
 * would take fewer of long lines, for as much memory again in every thread.
 */
import { Lines, Words } from "../src/line-records";
import { word } from "./team";

/** Where a line begins: `length` elements along the middle axis. */
@inline
function lineAt(step: usize, field: i32, line: i32, length: i32): usize {
  const inner = word(step, Lines.inner);
  const first = (line / inner) * length * inner + (line % inner);
  return <usize>word(step, field) + (<usize>first << 2);
}

@inline
function lastOf(step: usize, chunk: i32): i32 {
  const size = word(step, Lines.chunkLines);
  return min(chunk * size + size, word(step, Lines.lines));
}

/** NaN above all numbers, −0 as 0. */
function keyOf(bits: u32, words: i32, downwards: bool): u32 {
  let key = bits;
  if (words == Words.signed) key = bits ^ 0x80000000;
  if (words == Words.float) {
    if ((bits & 0x7fffffff) > 0x7f800000) key = 0xffffffff;
    else if (bits > 0x80000000) key = ~bits;
    else key = bits | 0x80000000;
  }
  return downwards ? ~key : key;
}

export function sortChunk(step: usize, chunk: i32): void {
  const take = word(step, Lines.take);
  const last = lastOf(step, chunk);
  for (let line = chunk * word(step, Lines.chunkLines); line < last; line++) {
    const from = lineAt(step, Lines.input, line, word(step, Lines.extent));
    const values = lineAt(step, Lines.output, line, take);
    const positions = lineAt(step, Lines.positions, line, take);
    sortLine(step, from, values, positions, take);
  }
}

function sortLine(step: usize, from: usize, values: usize, positions: usize, take: i32): void {
  const extent = word(step, Lines.extent);
  const by = <usize>word(step, Lines.inner) << 2;
  const words = word(step, Lines.words);
  const downwards = word(step, Lines.downwards) != 0;
  for (let i = 0; i < take; i++) {
    const at = <usize>i * by;
    store<u32>(values + at, load<u32>(from + at));
    store<i32>(positions + at, i);
  }
  for (let i = take / 2 - 1; i >= 0; i--) {
    sink(values, positions, by, i, take, words, downwards);
  }
  for (let i = take; i < extent; i++) {
    const bits = load<u32>(from + <usize>i * by);
    // Of equal ones the earlier stays.
    const top = keyOf(load<u32>(values), words, downwards);
    if (keyOf(bits, words, downwards) >= top) continue;
    store<u32>(values, bits);
    store<i32>(positions, i);
    sink(values, positions, by, 0, take, words, downwards);
  }
  for (let end = take - 1; end > 0; end--) {
    exchange(values, <usize>end * by);
    exchange(positions, <usize>end * by);
    sink(values, positions, by, 0, end, words, downwards);
  }
}

@inline
function exchange(first: usize, by: usize): void {
  const held = load<u32>(first);
  store<u32>(first, load<u32>(first + by));
  store<u32>(first + by, held);
}

/** Lets the pair at `place` sink until none below it is later in the order. */
function sink(
  values: usize,
  positions: usize,
  by: usize,
  place: i32,
  count: i32,
  words: i32,
  downwards: bool,
): void {
  const bits = load<u32>(values + <usize>place * by);
  const position = load<i32>(positions + <usize>place * by);
  const key = keyOf(bits, words, downwards);
  let hole = place;
  for (let below = 2 * hole + 1; below < count; below = 2 * hole + 1) {
    let at = <usize>below * by;
    let other = keyOf(load<u32>(values + at), words, downwards);
    if (below + 1 < count) {
      const next = keyOf(load<u32>(values + at + by), words, downwards);
      const isLater = load<i32>(positions + at + by) > load<i32>(positions + at);
      if (next > other || (next == other && isLater)) {
        below++;
        at += by;
        other = next;
      }
    }
    const moved = load<i32>(positions + at);
    if (other < key || (other == key && moved < position)) break;
    const to = <usize>hole * by;
    store<u32>(values + to, load<u32>(values + at));
    store<i32>(positions + to, moved);
    hole = below;
  }
  store<u32>(values + <usize>hole * by, bits);
  store<i32>(positions + <usize>hole * by, position);
}

/** Of floats in doubles. */
export function cumulativeSumChunk(step: usize, chunk: i32): void {
  const extent = word(step, Lines.extent);
  const by = <usize>word(step, Lines.inner) << 2;
  const backwards = word(step, Lines.downwards) != 0;
  const isFloat = word(step, Lines.words) == Words.float;
  const last = lastOf(step, chunk);
  for (let line = chunk * word(step, Lines.chunkLines); line < last; line++) {
    const from = lineAt(step, Lines.input, line, extent);
    const to = lineAt(step, Lines.output, line, extent);
    let total: f64 = 0;
    let whole = 0;
    for (let k = 0; k < extent; k++) {
      const at = <usize>(backwards ? extent - 1 - k : k) * by;
      if (isFloat) {
        total += <f64>load<f32>(from + at);
        store<f32>(to + at, <f32>total);
      } else {
        whole += load<i32>(from + at);
        store<i32>(to + at, whole);
      }
    }
  }
}

export function argExtremeChunk(step: usize, chunk: i32): void {
  const extent = word(step, Lines.extent);
  const by = <usize>word(step, Lines.inner) << 2;
  const isFloat = word(step, Lines.words) == Words.float;
  const last = lastOf(step, chunk);
  for (let line = chunk * word(step, Lines.chunkLines); line < last; line++) {
    const from = lineAt(step, Lines.input, line, extent);
    let best = from;
    let found = 0;
    for (let k = 1; k < extent; k++) {
      const at = from + <usize>k * by;
      if (!(isFloat ? floatWins(step, at, best) : wordWins(step, at, best))) continue;
      best = at;
      found = k;
    }
    store<i32>(lineAt(step, Lines.output, line, 1), found);
  }
}

/** NaN wins over numbers, and the first over others. */
@inline
function floatWins(step: usize, at: usize, best: usize): bool {
  const x = load<f32>(at);
  const held = load<f32>(best);
  if (x != x) return held == held;
  return word(step, Lines.downwards) != 0 ? x > held : x < held;
}

@inline
function wordWins(step: usize, at: usize, best: usize): bool {
  const words = word(step, Lines.words);
  const x = keyOf(load<u32>(at), words, false);
  const held = keyOf(load<u32>(best), words, false);
  return word(step, Lines.downwards) != 0 ? x > held : x < held;
}
