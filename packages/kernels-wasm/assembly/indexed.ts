/** What goes by indices: elements of lines, their adjoint, sparse rows, labels; and masks by number of element. */
import { DropoutMask, Indexed, OneHot, Sparse, Words } from "../src/line-records";
import { float, word } from "./team";

/** Negative indices count from the end; those out of range give zeros. */
export function gatherElementsChunk(step: usize, chunk: i32): void {
  const inner = word(step, Indexed.inner);
  const extent = word(step, Indexed.extent);
  const indices = word(step, Indexed.indices);
  const size = word(step, Indexed.chunkRows);
  const last = min(chunk * size + size, word(step, Indexed.outer) * indices);
  for (let row = chunk * size; row < last; row++) {
    const base = (row / indices) * extent * inner;
    for (let i = 0; i < inner; i++) {
      const at = <usize>(row * inner + i) << 2;
      const place = placeOf(load<i32>(word(step, Indexed.index) + at), extent);
      const from = <usize>(base + place * inner + i) << 2;
      const value = place < 0 ? 0 : load<u32>(word(step, Indexed.input) + from);
      store<u32>(word(step, Indexed.output) + at, value);
    }
  }
}

/** −1 for what is out of range. */
@inline
function placeOf(index: i32, extent: i32): i32 {
  const place = index < 0 ? index + extent : index;
  return place >= 0 && place < extent ? place : -1;
}

export function scatterAddChunk(step: usize, chunk: i32): void {
  const inner = word(step, Indexed.inner);
  const extent = word(step, Indexed.extent);
  const indices = word(step, Indexed.indices);
  const size = word(step, Indexed.chunkRows);
  const parts = (extent + size - 1) / size;
  const outer = chunk / parts;
  const first = (chunk % parts) * size;
  const last = min(first + size, extent);
  const output = word(step, Indexed.output) + (<usize>(outer * extent * inner) << 2);
  memory.fill(output + (<usize>(first * inner) << 2), 0, <usize>((last - first) * inner) << 2);
  const base = outer * indices;
  const each = word(step, Indexed.elements) != 0;
  const isFloat = word(step, Indexed.words) == Words.float;
  for (let j = 0; j < indices; j++) {
    const from = word(step, Indexed.input) + (<usize>((base + j) * inner) << 2);
    for (let i = 0; i < inner; i++) {
      const named = each ? (base + j) * inner + i : j;
      const place = placeOf(load<i32>(word(step, Indexed.index) + (<usize>named << 2)), extent);
      if (place < first || place >= last) {
        if (each) continue;
        break;
      }
      add(output + (<usize>(place * inner + i) << 2), from + (<usize>i << 2), isFloat);
    }
  }
}

@inline
function add(to: usize, from: usize, isFloat: bool): void {
  if (isFloat) store<f32>(to, load<f32>(to) + load<f32>(from));
  else store<i32>(to, load<i32>(to) + load<i32>(from));
}

export function sparseProductChunk(step: usize, chunk: i32): void {
  const size = word(step, Sparse.chunkRows);
  const last = min(chunk * size + size, word(step, Sparse.rows));
  const columns = word(step, Sparse.columns);
  for (let row = chunk * size; row < last; row++) {
    const starts = word(step, Sparse.starts) + (<usize>row << 2);
    const begin = max(load<i32>(starts), 0);
    const end = min(max(load<i32>(starts + 4), 0), word(step, Sparse.count));
    const to = word(step, Sparse.output) + (<usize>(row * columns) << 2);
    memory.fill(to, 0, <usize>columns << 2);
    for (let k = begin; k < end; k++) {
      const at = load<i32>(word(step, Sparse.at) + (<usize>k << 2));
      if (<u32>at >= <u32>word(step, Sparse.inner)) continue;
      const value = load<f32>(word(step, Sparse.values) + (<usize>k << 2));
      addScaled(word(step, Sparse.dense) + (<usize>(at * columns) << 2), to, columns, value);
    }
  }
}

function addScaled(from: usize, to: usize, width: i32, factor: f32): void {
  const scale = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    const at = <usize>i << 2;
    const part = f32x4.mul(v128.load(from + at), scale);
    v128.store(to + at, f32x4.add(v128.load(to + at), part));
  }
  for (; i < width; i++) {
    const at = <usize>i << 2;
    store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at) * factor);
  }
}

/** The last row that does not begin behind a value. */
export function sparseRowsChunk(step: usize, chunk: i32): void {
  const size = word(step, Sparse.chunkRows);
  const last = min(chunk * size + size, word(step, Sparse.count));
  for (let k = chunk * size; k < last; k++) {
    let low = 0;
    let high = word(step, Sparse.rows);
    while (low + 1 < high) {
      const middle = (low + high) / 2;
      if (load<i32>(word(step, Sparse.starts) + (<usize>middle << 2)) <= k) low = middle;
      else high = middle;
    }
    store<i32>(word(step, Sparse.output) + (<usize>k << 2), low);
  }
}

export function oneHotChunk(step: usize, chunk: i32): void {
  const size = word(step, OneHot.chunkRows);
  const last = min(chunk * size + size, word(step, OneHot.count));
  const classes = word(step, OneHot.classes);
  for (let row = chunk * size; row < last; row++) {
    const to = word(step, OneHot.output) + (<usize>(row * classes) << 2);
    memory.fill(to, 0, <usize>classes << 2);
    const label = load<i32>(word(step, OneHot.labels) + (<usize>row << 2));
    if (<u32>label < <u32>classes) store<f32>(to + (<usize>label << 2), 1);
  }
}

/** The numbers of kernels-wgsl's `random.ts`: PCG's output over a linear congruential step. */
@inline
function pcg(v: u32): u32 {
  const state: u32 = v * 747796405 + 2891336453;
  const mixed: u32 = ((state >> ((state >> 28) + 4)) ^ state) * 277803737;
  return (mixed >> 22) ^ mixed;
}

export function dropoutMaskChunk(step: usize, chunk: i32): void {
  const size = word(step, DropoutMask.chunkElements);
  const last = min(chunk * size + size, word(step, DropoutMask.count));
  const stream = pcg(word(step, DropoutMask.stream) + pcg(word(step, DropoutMask.seed)));
  const keep = float(step, DropoutMask.keep);
  const scale = float(step, DropoutMask.scale);
  for (let i = chunk * size; i < last; i++) {
    const fraction = <f32>(pcg(<u32>i + stream) >> 8) * (1.0 / 16777216.0);
    store<f32>(word(step, DropoutMask.output) + (<usize>i << 2), fraction < keep ? scale : 0);
  }
}
