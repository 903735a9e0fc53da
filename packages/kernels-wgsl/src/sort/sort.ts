/**
 * Sorts lines of a tensor along one axis, stably: values become keys whose order as u32 is theirs, `sortPairs` sorts these
 * with their positions, and the values are fetched by position, so that they come back bit by bit. NaN counts as
 * larger than any number, −0 as 0 (PyTorch's rules). The largest k are the first k of the sort downwards.
 */
import { defineKernel, type ElementType, elementSize, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { type PairSort, type PairSource, sortPairs } from "./pairs.js";

/** Lines of [outer, extent, inner] along its middle axis. */
export interface SortSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly descending: boolean;
  /** Elements of each sorted line that are written. */
  readonly take: number;
  readonly type?: ElementType;
}

/** The dispatches of `sort`, and between which buffers: see `PairSort` for the first ones. */
export interface SortLaunch extends PairSort {
  /** Bindings: x, pairs, values [outer, take, inner], positions (i32) of the same shape. */
  readonly write: Kernel;
}

const KEYS: Record<ElementType, string> = {
  f32: "floatKey(value)",
  f16: "floatKey(f32(value))",
  i32: "bitcast<u32>(value) ^ 0x80000000u",
  u32: "value",
};

const floatKey = `fn floatKey(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  if (bits == 0x80000000u) { return bits; }
  return select(bits | 0x80000000u, ~bits, bits > 0x80000000u);
}
`;

function keysOf({ extent, inner, descending, type = "f32" }: SortSpec): PairSource {
  const isFloat = type === "f32" || type === "f16";
  return {
    name: descending ? "sort-down" : "sort-up",
    buffers: [input("x", type)],
    params: { extent, inner },
    keyOf: `${isFloat ? floatKey : ""}fn keyOf(row: u32, position: u32) -> u32 {
  let value = x[(row / p.inner * p.extent + position) * p.inner + row % p.inner];
  return ${descending ? "~" : ""}(${KEYS[type]});
}`,
  };
}

/** How lines are sorted. */
export function sort(spec: SortSpec): SortLaunch {
  const { outer, extent, inner, take, type = "f32" } = spec;
  const sorted = sortPairs(outer * inner, extent, keysOf(spec));
  const size = outer * take * inner;
  const write = defineKernel({
    name: "sort-write",
    buffers: [
      input("x", type),
      input("pairs", "vec2<u32>"),
      output("values", type),
      output("positions", "i32"),
    ],
    params: { extent, inner, take, stride: sorted.stride },
    count: size,
    body: `  let k = i % p.inner;
  let rank = i / p.inner % p.take;
  let o = i / p.inner / p.take;
  let position = pairs[(o * p.inner + k) * p.stride + rank].y;
  values[i] = x[(o * p.extent + position) * p.inner + k];
  positions[i] = i32(position);`,
    flops: 0,
    bytes: size * (2 * elementSize(type) + 12),
  });
  return { ...sorted, write };
}
