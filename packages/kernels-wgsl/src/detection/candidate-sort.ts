/**
 * Gathers the priors that have a key and sorts them from the best key down; equal keys keep the order of the
 * priors. One workgroup an image, so that no pass over the keys needs another dispatch.
 *
 * A least-significant-digit radix sort, 4 bits a pass, in its simplest stable form: a lane counts the digits of its
 * own run of items, a scan over (digit, lane) turns counts into places, and the lane moves its items in order. The
 * work is linear in the candidates and the same for any distribution of scores, ties included; up to a few hundred
 * candidates, the usual frame, the eight scans are all there is. 128 lanes × 16 digits are 8 KiB of workgroup memory;
 * 256 lanes would take all of WebGPU's guaranteed 16 KiB and leave none for the scan.
 *
 * The bounds of the loops are parameters, though they never differ: a compiler that knows them unrolls the loops, barriers
 * and all, and llvmpipe then takes four times as long to compile them (2026-11-24: 2.9 s of processor time, now 0.7 s).
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";

/** Keys of a batch of images. */
export interface CandidateSortSpec {
  readonly batch: number;
  readonly priors: number;
}

const LANES = 128;
const DIGITS = 16;
/** Lanes whose sums a scan takes one by one. */
const SEGMENT = 16;

const GLOBALS = `
const LANES = ${LANES}u;
const SEGMENT = ${SEGMENT}u;
var<workgroup> places: array<u32, ${LANES * DIGITS}>;
var<workgroup> sums: array<u32, ${LANES}>;
var<workgroup> totals: array<u32, ${LANES / SEGMENT}>;
var<workgroup> all: u32;

fn before(value: u32, lane: u32) -> u32 {
  sums[lane] = value;
  workgroupBarrier();
  let segment = lane / SEGMENT;
  var sum = 0u;
  for (var i = segment * SEGMENT; i < lane; i++) { sum += sums[i]; }
  if (lane % SEGMENT == SEGMENT - 1u) { totals[segment] = sum + value; }
  workgroupBarrier();
  for (var i = 0u; i < segment; i++) { sum += totals[i]; }
  return sum;
}`;

const BODY = `
  let base = group * p.priors;
  let run = (p.priors + LANES - 1u) / LANES;
  let start = base + min(lane * run, p.priors);
  let stop = base + min(lane * run + run, p.priors);
  var mine = 0u;
  for (var j = start; j < stop; j++) { mine += select(0u, 1u, keys[j] != 0u); }
  let lower = before(mine, lane);
  if (lane == LANES - 1u) { all = lower + mine; }
  let total = workgroupUniformLoad(&all);
  var at = base * 2u + lower;
  if (lane == 0u) { counts[group] = total; }
  if (total == 0u) { return; }
  for (var j = start; j < stop && mine > 0u; j++) {
    let key = keys[j];
    if (key == 0u) { continue; }
    lists[at] = vec2<u32>(key, j - base);
    at += 1u;
    mine -= 1u;
  }
  storageBarrier();

  let share = (total + LANES - 1u) / LANES;
  let first = min(lane * share, total);
  let last = min(first + share, total);
  var source = base * 2u;
  var destination = source + p.priors;
  for (var shift = 0u; shift < p.keyBits; shift += 4u) {
    for (var digit = 0u; digit < p.digits; digit++) { places[digit * LANES + lane] = 0u; }
    for (var j = first; j < last; j++) {
      places[(15u - ((lists[source + j].x >> shift) & 15u)) * LANES + lane] += 1u;
    }
    workgroupBarrier();
    var sum = 0u;
    for (var n = 0u; n < p.digits; n++) { sum += places[lane * ${DIGITS}u + n]; }
    sum = before(sum, lane);
    for (var n = 0u; n < p.digits; n++) {
      let count = places[lane * ${DIGITS}u + n];
      places[lane * ${DIGITS}u + n] = sum;
      sum += count;
    }
    workgroupBarrier();
    for (var j = first; j < last; j++) {
      let item = lists[source + j];
      let place = (15u - ((item.x >> shift) & 15u)) * LANES + lane;
      lists[destination + places[place]] = item;
      places[place] += 1u;
    }
    storageBarrier();
    workgroupBarrier();
    let swap = source;
    source = destination;
    destination = swap;
  }`;

/**
 * Bindings: keys `u32 [batch, priors]`, lists `vec2<u32> [batch, 2, priors]`, counts `u32 [batch]`. The first half of
 * an image's lists is the result: `counts` pairs of key and prior, best first; the second half is scratch.
 */
export function candidateSort(spec: CandidateSortSpec): Kernel {
  const { batch, priors } = spec;
  return defineKernel({
    name: "candidate-sort",
    buffers: [input("keys", "u32"), output("lists", "vec2<u32>"), output("counts", "u32")],
    params: { priors, digits: DIGITS, keyBits: 32 },
    globals: GLOBALS,
    count: batch,
    perGroup: true,
    threads: LANES,
    body: BODY,
    flops: 0,
    bytes: batch * priors * 4,
  });
}
