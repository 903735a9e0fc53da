/**
 * Sorts rows of pairs (key, position) of u32 upwards, by key and then by position: a bitonic network.
 *
 * No two pairs of a row are equal, so the order is one and the same on every adapter, and equal keys keep theirs. A
 * workgroup first sorts blocks of `BLOCK` pairs in its own memory, whole rows or parts of one; rows longer than a block are
 * then merged: steps that reach beyond a block are a dispatch each, the others of a merge one dispatch together. That is
 * n log² n comparisons where a radix sort has n, but 21 dispatches for 32,768 pairs, none of which waits for
 * another workgroup, and no atomics.
 *
 * Each merge begins with a flip (partners mirrored about the middle), so that all comparisons have one direction.
 */
import { type BufferSpec, defineKernel, output } from "../define.js";
import type { Kernel, ParamValue } from "../kernel.js";

/** Pairs that a workgroup sorts: 8 KiB of its memory. */
const BLOCK = 1024;
const THREADS = 256;

/** Where keys come from. */
export interface PairSource {
  readonly name: string;
  readonly buffers: readonly BufferSpec[];
  readonly params: Readonly<Record<string, ParamValue>>;
  /** WGSL of `keyOf(row: u32, position: u32) -> u32`. */
  readonly keyOf: string;
}

/** The dispatches of a sort. */
export interface PairSort {
  /** Elements (u32) of the buffer of pairs. */
  readonly elements: number;
  /** Pairs from one row to the next. */
  readonly stride: number;
  /** Bindings of the first: the source's buffers, pairs; of the others: pairs. */
  readonly kernels: readonly Kernel[];
}

const order = `fn swaps(a: vec2<u32>, b: vec2<u32>) -> bool {
  return a.x > b.x || (a.x == b.x && a.y > b.y);
}`;

const shared = `${order}
var<workgroup> held: array<vec2<u32>, ${BLOCK}>;
fn exchange(a: u32, b: u32) {
  let low = held[a];
  let high = held[b];
  if (swaps(low, high)) { held[a] = high; held[b] = low; }
}
/** Steps of a merge from a reach downwards. */
fn merge(lane: u32, from_: u32) {
  for (var reach = from_; reach > 0u; reach >>= 1u) {
    for (var t = lane; t < ${BLOCK / 2}u; t += ${THREADS}u) {
      let a = t / reach * 2u * reach + t % reach;
      exchange(a, a + reach);
    }
    workgroupBarrier();
  }
}`;

function eachHeld(statement: string): string {
  return `  for (var e = lane; e < ${BLOCK}u; e += ${THREADS}u) { ${statement} }`;
}

/**
 * @param rows of `length` pairs; behind them, up to `stride`, lie pairs of the largest key
 */
export function sortPairs(rows: number, length: number, source: PairSource): PairSort {
  const stride = 2 ** Math.ceil(Math.log2(Math.max(2, length)));
  const blocks = Math.ceil((rows * stride) / BLOCK);
  const kernels = [sortBlocks(blocks, rows, length, stride, source)];
  for (let size = BLOCK * 2; size <= stride; size *= 2) {
    kernels.push(step(blocks, size / 2, true));
    for (let reach = size / 4; reach >= BLOCK; reach /= 2) kernels.push(step(blocks, reach, false));
    kernels.push(mergeBlocks(blocks));
  }
  return { elements: blocks * BLOCK * 2, stride, kernels };
}

function sortBlocks(
  blocks: number,
  rows: number,
  length: number,
  stride: number,
  source: PairSource,
): Kernel {
  const levels = Math.log2(Math.min(stride, BLOCK));
  return defineKernel({
    name: `${source.name}-blocks`,
    buffers: [...source.buffers, output("pairs", "vec2<u32>")],
    params: { rows, length, stride, sorted: Math.min(stride, BLOCK), ...source.params },
    globals: `${shared}
${source.keyOf}
fn load(at: u32) -> vec2<u32> {
  let row = at / p.stride;
  let position = at % p.stride;
  if (row >= p.rows || position >= p.length) { return vec2<u32>(0xffffffffu); }
  return vec2<u32>(keyOf(row, position), position);
}`,
    count: blocks,
    perGroup: true,
    threads: THREADS,
    body: `${eachHeld(`held[e] = load(group * ${BLOCK}u + e);`)}
  workgroupBarrier();
  for (var size = 2u; size <= p.sorted; size <<= 1u) {
    let half = size / 2u;
    for (var t = lane; t < ${BLOCK / 2}u; t += ${THREADS}u) {
      let first = t / half * size;
      exchange(first + t % half, first + size - 1u - t % half);
    }
    workgroupBarrier();
    merge(lane, half / 2u);
  }
${eachHeld(`pairs[group * ${BLOCK}u + e] = held[e];`)}`,
    flops: (blocks * BLOCK * levels * (levels + 1)) / 4,
    bytes: rows * length * 4 + blocks * BLOCK * 8,
  });
}

/** Comparisons over a reach beyond a block. */
function step(blocks: number, reach: number, flips: boolean): Kernel {
  const comparisons = (blocks * BLOCK) / 2;
  return defineKernel({
    name: flips ? "sort-flip" : "sort-step",
    buffers: [output("pairs", "vec2<u32>")],
    params: { reach },
    globals: order,
    count: comparisons,
    body: `  let first = i / p.reach * 2u * p.reach;
  let a = first + i % p.reach;
  let b = ${flips ? "first + 2u * p.reach - 1u - i % p.reach" : "a + p.reach"};
  let low = pairs[a];
  let high = pairs[b];
  if (swaps(low, high)) { pairs[a] = high; pairs[b] = low; }`,
    flops: comparisons,
    bytes: comparisons * 32,
  });
}

/** The rest of a merge, within blocks. */
function mergeBlocks(blocks: number): Kernel {
  return defineKernel({
    name: "sort-merge-blocks",
    buffers: [output("pairs", "vec2<u32>")],
    globals: shared,
    count: blocks,
    perGroup: true,
    threads: THREADS,
    body: `${eachHeld(`held[e] = pairs[group * ${BLOCK}u + e];`)}
  workgroupBarrier();
  merge(lane, ${BLOCK / 2}u);
${eachHeld(`pairs[group * ${BLOCK}u + e] = held[e];`)}`,
    flops: (blocks * BLOCK * Math.log2(BLOCK)) / 2,
    bytes: blocks * BLOCK * 16,
  });
}
