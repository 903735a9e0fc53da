/**
 * Greedy non-maximum suppression of sorted candidates, exact: a candidate is dropped when its IoU with a kept better
 * one exceeds the threshold. Sides count both end pixels, as in Fast R-CNN and PyTorch's RetinaFace.
 *
 * One workgroup an image takes blocks of candidates, a lane each: it decodes their boxes, compares them with all
 * boxes kept so far, then among themselves into bit masks, which one lane resolves in order. That compares
 * candidates with kept boxes only, at most `topK · keepTopK`, stops as soon as `keepTopK` are kept, and needs memory
 * for the kept boxes alone; a suppression matrix of all pairs would be 3 MB and 12.5 million IoUs for 5,000
 * candidates, and 1.2 GB for 100,000.
 *
 * f32 is enough because a box is kept relative to its prior's centre, and two boxes are compared in the frame of one
 * of them: the difference of nearby centres is exact, so the error of an IoU is some 1e-7 times the boxes, whatever
 * their place in a wide photo. `exp` is written out, since WebGPU only asks for 3 + 2|x| units in the last place.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { NAN_KEY, RECORD_WORDS } from "./candidates.js";

/** Sorted candidates of a batch of images. */
export interface GreedyNmsSpec {
  readonly batch: number;
  readonly priors: number;
  readonly topK: number;
  readonly keepTopK: number;
  /** From 1 on nothing is suppressed: no IoU is larger. */
  readonly nmsThreshold: number;
  readonly variances: readonly [centre: number, size: number];
}

/** Words before the records of an image: kept faces, flags, candidates, 0. */
export const HEADER_WORDS = 4;
/** Flag: the margin of a prior is NaN. */
export const FLAG_NAN_SCORE = 1;
/** Flag: a candidate's box is not finite. */
export const FLAG_NOT_FINITE = 2;

/** Records that the result has room for, for each image. */
export function nmsCapacity({ priors, topK, keepTopK }: GreedyNmsSpec): number {
  return Math.min(priors, topK, keepTopK);
}

const LANES = 128;

const GLOBALS = `
const LANES = ${LANES}u;
struct Box {
  /** Corners relative to the prior's centre, in pixels. */
  corners: vec4<f32>,
  /** The prior's centre in fractions of the image, area in square pixels. */
  place: vec4<f32>,
}
var<workgroup> corners_: array<vec4<f32>, ${LANES}>;
var<workgroup> places_: array<vec4<f32>, ${LANES}>;
var<workgroup> masks: array<vec4<u32>, ${LANES}>;
var<workgroup> alive: array<u32, ${LANES}>;
var<workgroup> block: vec4<u32>;
var<workgroup> keptSoFar: u32;
var<workgroup> flags: atomic<u32>;

/** exp(x) within 2 units in the last place, for |x| < 87. */
fn exponential(x: f32) -> f32 {
  let n = round(x * 1.44269504);
  let r = (x - n * 0.693145752) - n * 1.42860677e-6;
  let tail = 0.0416666667 + r * (0.00833333333 + r * (0.00138888889 + r * 0.000198412698));
  return ldexp(1.0 + (r + r * r * (0.5 + r * (0.166666667 + r * tail))), i32(n));
}
fn isFinite(v: vec4<u32>) -> bool {
  let magnitude = v & vec4<u32>(0x7fffffffu);
  return all(magnitude < vec4<u32>(0x7f800000u));
}
fn overlaps(a: Box, b: Box, frame: vec2<f32>) -> bool {
  let shift = (b.place.xy - a.place.xy) * frame;
  let upper = max(a.corners.xy, b.corners.xy + shift);
  let lower = min(a.corners.zw, b.corners.zw + shift);
  let side = max(lower - upper + 1.0, vec2<f32>());
  let shared_ = side.x * side.y;
  return shared_ > p.nmsThreshold * (a.place.z + b.place.z - shared_);
}`;

const BODY = `
  let frame = frames[group];
  let total = min(counts[group], p.topK);
  let listAt = group * p.priors * 2u;
  let keptAt = group * p.capacity * 2u;
  let outAt = group * (p.capacity * 4u + 1u);
  if (lane == 0u) { keptSoFar = 0u; }
  workgroupBarrier();
  var kept = 0u;
  for (var n = 0u; n < total && kept < p.capacity; n += LANES) {
    let live = n + lane < total;
    var prior = 0u;
    var mine: Box;
    if (live) {
      let item = lists[listAt + n + lane];
      prior = item.y;
      let record = (group * p.priors + prior) * 4u;
      let a = records[record];
      let b = records[record + 1u];
      let offsets = vec4<u32>(a.zw, b.xy);
      let loc = bitcast<vec4<f32>>(offsets);
      let box = priors[prior];
      let unit = box.zw * frame;
      let power = loc.zw * p.sizeVariance;
      if (item.x == ${NAN_KEY}u) { atomicOr(&flags, ${FLAG_NAN_SCORE}u); }
      if (!isFinite(offsets) || any(abs(power) > vec2<f32>(87.0))) {
        atomicOr(&flags, ${FLAG_NOT_FINITE}u);
      }
      let size = unit * vec2<f32>(exponential(power.x), exponential(power.y));
      let upper = loc.xy * p.centreVariance * unit - size * 0.5;
      mine.corners = vec4<f32>(upper, upper + size);
      mine.place = vec4<f32>(box.xy, (size.x + 1.0) * (size.y + 1.0), 0.0);
    }
    corners_[lane] = mine.corners;
    places_[lane] = mine.place;
    workgroupBarrier();

    var free = live;
    var mask = vec4<u32>();
    if (p.suppress != 0u) {
      for (var k = 0u; k < kept; k++) {
        let better = Box(keptBoxes[keptAt + k * 2u], keptBoxes[keptAt + k * 2u + 1u]);
        if (overlaps(better, mine, frame)) { free = false; }
      }
      let rivals = min(total - n, LANES);
      for (var j = 0u; j < rivals; j++) {
        let better = Box(corners_[j], places_[j]);
        if (j < lane && overlaps(better, mine, frame)) { mask[j >> 5u] |= 1u << (j & 31u); }
      }
    }
    masks[lane] = mask;
    alive[lane] = select(0u, 1u, free);
    workgroupBarrier();

    if (lane == 0u) {
      var chosen = vec4<u32>();
      var room = p.capacity - kept;
      for (var j = 0u; j < LANES && room > 0u; j++) {
        if (alive[j] == 0u || any((masks[j] & chosen) != vec4<u32>())) { continue; }
        chosen[j >> 5u] |= 1u << (j & 31u);
        room -= 1u;
      }
      block = chosen;
      keptSoFar = p.capacity - room;
    }
    let chosen = workgroupUniformLoad(&block);
    if (((chosen[lane >> 5u] >> (lane & 31u)) & 1u) != 0u) {
      var rank = kept + countOneBits(chosen[lane >> 5u] & ((1u << (lane & 31u)) - 1u));
      for (var w = 0u; w < (lane >> 5u); w++) { rank += countOneBits(chosen[w]); }
      keptBoxes[keptAt + rank * 2u] = mine.corners;
      keptBoxes[keptAt + rank * 2u + 1u] = mine.place;
      let source = (group * p.priors + prior) * 4u;
      let target_ = outAt + 1u + rank * 4u;
      for (var q = 0u; q < 4u; q++) { faces[target_ + q] = records[source + q]; }
    }
    storageBarrier();
    kept = workgroupUniformLoad(&keptSoFar);
  }
  if (lane == 0u) { faces[outAt] = vec4<u32>(kept, atomicLoad(&flags), counts[group], 0u); }`;

/**
 * Bindings: lists and counts of `candidateSort`, records of `candidates`, priors `vec4<f32> [priors]` (cx, cy, w, h in
 * fractions), frames `vec2<f32> [batch]` (width and height in pixels that the fraction 1 stands for), kept boxes
 * `vec4<f32> [batch, capacity, 2]` (scratch), faces `vec4<u32> [batch, 1 + capacity · 4]`: a header and the records of
 * the kept, best first.
 */
export function greedyNms(spec: GreedyNmsSpec): Kernel {
  const { batch, priors, nmsThreshold, variances } = spec;
  const capacity = nmsCapacity(spec);
  return defineKernel({
    name: "greedy-nms",
    buffers: [
      input("lists", "vec2<u32>"),
      input("counts", "u32"),
      input("records", "vec4<u32>"),
      input("priors", "vec4<f32>"),
      input("frames", "vec2<f32>"),
      output("keptBoxes", "vec4<f32>"),
      output("faces", "vec4<u32>"),
    ],
    params: {
      priors,
      topK: spec.topK,
      capacity,
      suppress: nmsThreshold < 1 ? 1 : 0,
      nmsThreshold: { f32: nmsThreshold },
      centreVariance: { f32: variances[0] },
      sizeVariance: { f32: variances[1] },
    },
    globals: GLOBALS,
    count: batch,
    perGroup: true,
    threads: LANES,
    body: BODY,
    flops: 0,
    bytes: batch * capacity * RECORD_WORDS * 4,
  });
}
