/**
 * Gather of slices along one axis by i32 indices, and its adjoint, scatter-add.
 *
 * Scatter-add is in gather form: every element of the result goes through all indices and adds the slices
 * that name its row. That costs rows × indices comparisons, of values that are the same over a workgroup
 * (a broadcast load), but it needs neither atomics nor a sort, and adds in the order of the indices: two
 * runs give the same bits. Up to tens of thousands of indices that is cheaper than a many-dispatch sort.
 */
import {
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  scalarOrVector,
  splitIndex,
} from "./define.js";
import type { Kernel } from "./kernel.js";

/** A tensor seen as [outer, extent, inner], and `indices` positions along its middle axis. */
export interface GatherSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly indices: number;
  readonly type?: ElementType;
}

/** Negative indices count from the end; those out of range read 0 and add nothing. */
const row = `fn rowOf(index: i32) -> i32 { return select(index, index + p.extent, index < 0); }`;

/** Bindings: x, index (i32), y [outer, indices, inner]. */
export function gather(spec: GatherSpec): Kernel {
  const { outer, extent, inner, indices, type = "f32" } = spec;
  const width = inner % 4 === 0 ? 4 : 1;
  const element = scalarOrVector(type, width);
  const size = outer * indices * inner;
  return defineKernel({
    name: "gather",
    buffers: [input("x", element), input("index", "i32"), output("y", element)],
    params: { extent: { i32: extent }, inner: inner / width, indices },
    globals: row,
    count: size / width,
    body: `${splitIndex(
      "i",
      [
        ["k", "p.inner"],
        ["j", "p.indices"],
      ],
      "o",
    )}
  let r = rowOf(index[j]);
  var v = ${element}();
  if (r >= 0 && r < p.extent) { v = x[(o * u32(p.extent) + u32(r)) * p.inner + k]; }
  y[i] = v;`,
    flops: 0,
    bytes: size * 2 * elementSize(type) + indices * 4,
  });
}

/** Bindings: source [outer, indices, inner], index (i32), y [outer, extent, inner], overwritten. */
export function scatterAdd(spec: GatherSpec & { readonly type?: "f32" | "i32" | "u32" }): Kernel {
  const { outer, extent, inner, indices, type = "f32" } = spec;
  const width = inner % 4 === 0 ? 4 : 1;
  const element = scalarOrVector(type, width);
  const size = outer * extent * inner;
  return defineKernel({
    name: "scatter-add",
    buffers: [input("source", element), input("index", "i32"), output("y", element)],
    params: { extent: { i32: extent }, inner: inner / width, indices },
    globals: row,
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
      if (rowOf(index[j]) == r) { part += source[(o * p.indices + j) * p.inner + k]; }
    }
    sum += part;
  }
  y[i] = sum;`,
    flops: outer * indices * inner,
    bytes: (size + outer * indices * inner) * 4 + indices * 4,
  });
}
