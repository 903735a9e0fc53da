/**
 * The adjoints of `gather` and `gatherElements`: what several indices name is added up in the order of the indices, so that
 * two runs give the same bits.
 *
 * Two variants:
 * - search: every element of the result goes through all indices and adds what names its row. Rows × indices comparisons,
 *   of values that are the same over a workgroup for `scatterAdd` (a broadcast load). One dispatch.
 * - sorted: pairs of row and position are sorted (`sort/pairs.ts`), each row finds where its own begin, and adds them. For
 *   many rows and indices.
 *
 * Atomics on floats would add in another order every time, and WebGPU has none.
 */
import { defineKernel, input, output, scalarOrVector, splitIndex } from "../define.js";
import type { Kernel } from "../kernel.js";
import { type PairSort, sortPairs } from "../sort/pairs.js";
import { type GatherSpec, rowOf } from "./gather.js";

/** [outer, indices, inner] into [outer, extent, inner]. */
export interface ScatterSpec extends GatherSpec {
  /** Whether each element has an index of its own, or each slice. */
  readonly elements: boolean;
  readonly type?: "f32" | "i32" | "u32";
}

/** Bindings: source, index (i32), y, overwritten. */
export function scatterAdd(spec: ScatterSpec): Kernel {
  const { outer, extent, inner, indices, elements, type = "f32" } = spec;
  const width = elements || inner % 4 !== 0 ? 1 : 4;
  const element = scalarOrVector(type, width);
  const size = outer * extent * inner;
  const from = "(o * p.indices + j) * p.inner + k";
  return defineKernel({
    name: elements ? "scatter-add-elements" : "scatter-add",
    buffers: [input("source", element), input("index", "i32"), output("y", element)],
    params: { extent: { i32: extent }, inner: inner / width, indices },
    globals: rowOf,
    count: size / width,
    body: `${splitIndex(
      "i",
      [
        ["k", "p.inner"],
        ["uRow", "u32(p.extent)"],
      ],
      "o",
    )}
  let r = i32(uRow);
  var sum = ${element}();
  for (var start = 0u; start < p.indices; start += 256u) {
    var part = ${element}();
    for (var j = start; j < min(start + 256u, p.indices); j++) {
      if (rowOf(index[${elements ? from : "j"}]) == r) { part += source[${from}]; }
    }
    sum += part;
  }
  y[i] = sum;`,
    flops: outer * indices * inner,
    bytes: (size + outer * indices * inner) * 4 + indices * (elements ? outer * inner : 1) * 4,
  });
}

/** The dispatches of the sorted variant; see `PairSort` for the first ones, whose source is the index. */
export interface ScatterLaunch extends PairSort {
  /** Elements (u32) of the buffer of starts. */
  readonly startElements: number;
  /** Bindings: pairs, starts. */
  readonly starts: Kernel;
  /** Bindings: source, pairs, starts, y, overwritten. */
  readonly sum: Kernel;
}

/** How slices, or elements, are added by sorting. */
export function scatterAddSorted(spec: ScatterSpec): ScatterLaunch {
  const { outer, extent, inner, indices, elements } = spec;
  const lines = elements ? outer * inner : 1;
  const sorted = sortPairs(lines, indices, {
    name: "scatter-sort",
    buffers: [input("index", "i32")],
    params: { extent: { i32: extent }, inner },
    keyOf: `${rowOf}
fn keyOf(row: u32, position: u32) -> u32 {
  return bitcast<u32>(rowOf(index[${elements ? "(row / p.inner * p.length + position) * p.inner + row % p.inner" : "position"}]));
}`,
  });
  const startElements = lines * (extent + 1);
  return {
    ...sorted,
    startElements,
    starts: startsKernel(startElements, extent, sorted.stride),
    sum: sumKernel(spec, sorted.stride),
  };
}

/** Where the pairs of each row begin: the number of pairs of the line with a smaller key. */
function startsKernel(count: number, extent: number, stride: number): Kernel {
  return defineKernel({
    name: "scatter-starts",
    buffers: [input("pairs", "vec2<u32>"), output("starts", "u32")],
    params: { rows: extent + 1, stride },
    count,
    body: `  let row = i % p.rows;
  let base = i / p.rows * p.stride;
  var low = 0u;
  var high = p.stride;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (pairs[base + middle].x < row) { low = middle + 1u; } else { high = middle; }
  }
  starts[i] = low;`,
    flops: count * Math.log2(stride),
    bytes: count * 4 + stride * 8,
  });
}

function sumKernel(spec: ScatterSpec, stride: number): Kernel {
  const { outer, extent, inner, indices, elements, type = "f32" } = spec;
  const width = elements || inner % 4 !== 0 ? 1 : 4;
  const element = scalarOrVector(type, width);
  const size = outer * extent * inner;
  return defineKernel({
    name: elements ? "scatter-sum-elements" : "scatter-sum",
    buffers: [
      input("source", element),
      input("pairs", "vec2<u32>"),
      input("starts", "u32"),
      output("y", element),
    ],
    params: { extent, inner: inner / width, indices, stride },
    count: size / width,
    body: `${splitIndex(
      "i",
      [
        ["k", "p.inner"],
        ["r", "p.extent"],
      ],
      "o",
    )}
  let line = ${elements ? "o * p.inner + k" : "0u"};
  let first = starts[line * (p.extent + 1u) + r];
  let last = starts[line * (p.extent + 1u) + r + 1u];
  var sum = ${element}();
  for (var start = first; start < last; start += 256u) {
    var part = ${element}();
    for (var n = start; n < min(start + 256u, last); n++) {
      let j = pairs[line * p.stride + n].y;
      part += source[(o * p.indices + j) * p.inner + k];
    }
    sum += part;
  }
  y[i] = sum;`,
    flops: outer * indices * inner,
    bytes: (size + outer * indices * inner * 2) * 4,
  });
}

/** What no two indices name. Bindings: source, index (i32), y, zeros before. */
export function scatterElements(spec: GatherSpec): Kernel {
  const { outer, extent, inner, indices } = spec;
  const size = outer * indices * inner;
  return defineKernel({
    name: "scatter-elements",
    buffers: [input("source", "f32"), input("index", "i32"), output("y", "f32")],
    params: { extent, inner, indices },
    count: size,
    body: `  let o = i / p.inner / p.indices;
  y[(o * p.extent + u32(index[i])) * p.inner + i % p.inner] = source[i];`,
    flops: 0,
    bytes: size * 12,
  });
}
