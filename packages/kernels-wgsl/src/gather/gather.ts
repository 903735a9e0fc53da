/** Slices of a tensor along one axis by i32 indices. */
import {
  defineKernel,
  type ElementType,
  elementSize,
  input,
  output,
  scalarOrVector,
  splitIndex,
} from "../define.js";
import type { Kernel } from "../kernel.js";

/** A tensor seen as [outer, extent, inner], and `indices` positions along its middle axis. */
export interface GatherSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly indices: number;
  readonly type?: ElementType;
}

/** WGSL of an index' row: negative ones count from the end; those out of range read 0 and add nothing. */
export const rowOf = `fn rowOf(index: i32) -> i32 { return select(index, index + p.extent, index < 0); }`;

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
    globals: rowOf,
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

/** Every element by an index of its own. Bindings: x, index (i32) [outer, indices, inner], y like the index. */
export function gatherElements(spec: GatherSpec): Kernel {
  const { outer, extent, inner, indices, type = "f32" } = spec;
  const size = outer * indices * inner;
  return defineKernel({
    name: "gather-elements",
    buffers: [input("x", type), input("index", "i32"), output("y", type)],
    params: { extent: { i32: extent }, inner, indices },
    globals: rowOf,
    count: size,
    body: `  let r = rowOf(index[i]);
  let o = i / p.inner / p.indices;
  var v = ${type}();
  if (r >= 0 && r < p.extent) { v = x[(o * u32(p.extent) + u32(r)) * p.inner + i % p.inner]; }
  y[i] = v;`,
    flops: 0,
    bytes: size * (2 * elementSize(type) + 4),
  });
}
