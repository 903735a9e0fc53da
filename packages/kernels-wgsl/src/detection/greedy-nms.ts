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
 * The block's own boxes lie in the scratch right behind the kept ones, so that one loop compares with both, and records
 * are copied by a loop over words: llvmpipe compiles every load and store in the text for 10 to 30 ms. Boxes of the
 * block in workgroup memory, a loop of their own and records as vec4 took twice as long to compile.
 *
 * f32 is enough because a box is kept relative to its prior's centre, and two boxes are compared in the frame of one
 * of them: the difference of nearby centres is exact, so the error of an IoU is some 1e-7 times the boxes, whatever
 * their place in a wide photo. `exp` is written out, since WebGPU only asks for 3 + 2|x| units in the last place.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { NAN_KEY } from "./candidates.js";
import { type RecordSpec, recordLayout } from "./record.js";

/** Sorted candidates of a batch of images. */
export interface GreedyNmsSpec {
  readonly batch: number;
  readonly record: RecordSpec;
  readonly priors: number;
  readonly topK: number;
  readonly keepTopK: number;
  /** From 1 on nothing is suppressed: no IoU is larger. */
  readonly nmsThreshold: number;
  readonly variances: readonly [centre: number, size: number];
}

/** Words before the records of an image: kept faces, flags, candidates, 0. */
export const HEADER_WORDS = 4;
/** Flag: a prior's margin is NaN, or a logit of it is not finite. */
export const FLAG_NAN_SCORE = 1;
/** Flag: a candidate's box is not finite. */
export const FLAG_NOT_FINITE = 2;

/** Records that the result has room for, for each image. */
export function nmsCapacity({
  priors,
  topK,
  keepTopK,
}: Pick<GreedyNmsSpec, "priors" | "topK" | "keepTopK">): number {
  return Math.min(priors, topK, keepTopK);
}

/** Words of scratch for boxes: the kept ones of each image and a block of candidates behind them. */
export function nmsBoxWords(spec: GreedyNmsSpec): number {
  return spec.batch * (nmsCapacity(spec) + LANES) * BOX_WORDS;
}

const LANES = 128;
const BOX_WORDS = 8;

const GLOBALS = `
const LANES = ${LANES}u;
struct Box {
  corners: vec4<f32>,
  place: vec4<f32>,
}
var<workgroup> masks: array<vec4<u32>, ${LANES}>;
var<workgroup> alive: array<u32, ${LANES}>;
var<workgroup> block: vec4<u32>;
var<workgroup> keptSoFar: u32;
var<workgroup> flags: atomic<u32>;

fn exponential(x: vec2<f32>) -> vec2<f32> {
  let n = round(x * 1.44269504);
  let r = (x - n * 0.693145752) - n * 1.42860677e-6;
  let tail = 0.0416666667 + r * (0.00833333333 + r * (0.00138888889 + r * 0.000198412698));
  let scale = bitcast<vec2<f32>>((vec2<i32>(n) + 127) << vec2<u32>(23u));
  return (1.0 + (r + r * r * (0.5 + r * (0.166666667 + r * tail)))) * scale;
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

function body(boxWord: number): string {
  return `
  let frame = frames[group];
  let total = min(counts[group], p.topK);
  let listAt = group * p.priors * 2u;
  let boxAt = group * p.boxes;
  let outAt = group * (p.capacity * p.words + p.header);
  if (lane == 0u) { keptSoFar = 0u; }
  workgroupBarrier();
  var kept = 0u;
  for (var n = 0u; n < total && kept < p.capacity; n += LANES) {
    let live = n + lane < total;
    var source = 0u;
    var mine: Box;
    if (live) {
      let item = lists[listAt + n + lane];
      source = (group * p.priors + item.y) * p.words;
      let at = source + ${boxWord}u;
      let offsets = vec4<u32>(records[at], records[at + 1u], records[at + 2u], records[at + 3u]);
      let loc = bitcast<vec4<f32>>(offsets);
      let box = priors[item.y];
      let unit = box.zw * frame;
      let power = loc.zw * p.sizeVariance;
      let finite = isFinite(offsets) && all(abs(power) <= vec2<f32>(87.0));
      let wrong = select(0u, ${FLAG_NAN_SCORE}u, item.x == ${NAN_KEY}u);
      atomicOr(&flags, wrong | select(${FLAG_NOT_FINITE}u, 0u, finite));
      let size = unit * exponential(power);
      let upper = loc.xy * p.centreVariance * unit - size * 0.5;
      mine.corners = vec4<f32>(upper, upper + size);
      mine.place = vec4<f32>(box.xy, (size.x + 1.0) * (size.y + 1.0), 0.0);
    }
    boxes[boxAt + kept + lane] = mine;
    storageBarrier();

    var free = live;
    var mask = vec4<u32>();
    if (p.suppress != 0u) {
      let rivals = kept + min(total - n, LANES);
      for (var k = 0u; k < rivals; k++) {
        if (overlaps(boxes[boxAt + k], mine, frame)) {
          let j = k - kept;
          if (k < kept) { free = false; } else if (j < lane) { mask[j >> 5u] |= 1u << (j & 31u); }
        }
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
      boxes[boxAt + rank] = mine;
      let target_ = outAt + p.header + rank * p.words;
      for (var w = 0u; w < p.words; w++) { faces[target_ + w] = records[source + w]; }
    }
    storageBarrier();
    kept = workgroupUniformLoad(&keptSoFar);
  }
  if (lane == 0u) {
    faces[outAt] = kept;
    faces[outAt + 1u] = atomicLoad(&flags);
    faces[outAt + 2u] = counts[group];
  }`;
}

/**
 * Bindings: lists and counts of `candidateSort`, records of `candidates`, priors `vec4<f32> [priors]` (cx, cy, w, h in
 * fractions), frames `vec2<f32> [batch]` (width and height in pixels that the fraction 1 stands for), kept boxes
 * of `nmsBoxWords` (scratch), faces `u32 [batch, HEADER_WORDS + capacity · words]`: a header and the records of the kept, best first.
 */
export function greedyNms(spec: GreedyNmsSpec): Kernel {
  const { batch, priors, nmsThreshold, variances } = spec;
  const capacity = nmsCapacity(spec);
  const { words, heads } = recordLayout(spec.record);
  return defineKernel({
    name: "greedy-nms",
    buffers: [
      input("lists", "vec2<u32>"),
      input("counts", "u32"),
      input("records", "u32"),
      input("priors", "vec4<f32>"),
      input("frames", "vec2<f32>"),
      output("boxes", "Box"),
      output("faces", "u32"),
    ],
    params: {
      priors,
      topK: spec.topK,
      capacity,
      boxes: capacity + LANES,
      words,
      header: HEADER_WORDS,
      suppress: nmsThreshold < 1 ? 1 : 0,
      nmsThreshold: { f32: nmsThreshold },
      centreVariance: { f32: variances[0] },
      sizeVariance: { f32: variances[1] },
    },
    globals: GLOBALS,
    count: batch,
    perGroup: true,
    threads: LANES,
    body: body(heads[0].at),
    flops: 0,
    bytes: batch * capacity * words * 4,
  });
}
