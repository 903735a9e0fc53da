/** Rows by index, and triangles. */
import { Gather, Triangle } from "../src/network-records";
import { copyRow } from "./pointwise";
import { storeLanes } from "./tail";
import { word } from "./team";

/** Negative indices count from the end; those out of range give zeros. */
export function gatherChunk(step: usize, chunk: i32): void {
  const inner = word(step, Gather.inner);
  const extent = word(step, Gather.extent);
  const indices = word(step, Gather.indices);
  const size = word(step, Gather.chunkRows);
  const last = min(chunk * size + size, word(step, Gather.outer) * indices);
  for (let row = chunk * size; row < last; row++) {
    const named = load<i32>(word(step, Gather.index) + ((row % indices) << 2));
    const at = named < 0 ? named + extent : named;
    const to = word(step, Gather.output) + ((row * inner) << 2);
    if (at >= 0 && at < extent) {
      const from = ((row / indices) * extent + at) * inner;
      copyRow(word(step, Gather.input) + (from << 2), to, inner);
    } else {
      for (let i = 0; i < inner; i += 4) storeLanes(to + (i << 2), i32x4.splat(0), inner - i);
    }
  }
}

/** A chunk is one row of one matrix. */
export function triangleChunk(step: usize, chunk: i32): void {
  const columns = word(step, Triangle.columns);
  const diagonal = word(step, Triangle.diagonal) + (chunk % word(step, Triangle.rows));
  const upper = word(step, Triangle.upper) != 0;
  const at = (chunk * columns) << 2;
  const from = word(step, Triangle.input) + at;
  const to = word(step, Triangle.output) + at;
  for (let c = 0; c < columns; c++) {
    const inside = upper ? c >= diagonal : c <= diagonal;
    store<i32>(to + (c << 2), inside ? load<i32>(from + (c << 2)) : 0);
  }
}
