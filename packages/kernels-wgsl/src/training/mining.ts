/**
 * Hard-negative mining: of each image's background priors, exactly the `k` with the largest losses.
 *
 * One workgroup an image. A radix select finds the k-th largest loss: four passes over the priors count the
 * next 8 bits of the losses that share the bits found so far, in a histogram in workgroup memory; a fifth
 * pass marks what lies above, and of equal losses the first by index, whose ranks come from a prefix sum
 * over the lanes' contiguous spans. Only integers are counted, so the result does not depend on scheduling.
 * Sorting would move all losses many times for an order nobody needs; a threshold found by bisection would
 * not settle ties.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";

/** `batch` images of `priors` losses each. */
export interface MiningSpec {
  readonly batch: number;
  readonly priors: number;
  /** Background priors kept for each face prior; never all priors of an image. */
  readonly ratio: number;
}

const LANES = 256;

const globals = `const LANES = ${LANES}u;
var<workgroup> histogram: array<atomic<u32>, LANES>;
var<workgroup> laneTies: array<u32, LANES>;
var<workgroup> faces: atomic<u32>;
var<workgroup> negatives: atomic<u32>;
/** Bits of the k-th largest key found so far, and how many of the keys that share them are kept. */
var<workgroup> prefix: u32;
var<workgroup> wanted: u32;

/** Unsigned integers in the order of the floats; NaN counts as the largest. */
fn orderOf(loss: f32) -> u32 {
  let bits = bitcast<u32>(loss);
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}`;

const body = `  let base = group * p.priors;
  if (lane == 0u) {
    atomicStore(&faces, 0u);
    atomicStore(&negatives, 0u);
  }
  workgroupBarrier();
  var ownFaces = 0u;
  var ownNegatives = 0u;
  for (var j = lane; j < p.priors; j += LANES) {
    let label = labels[base + j];
    ownFaces += u32(label > 0);
    ownNegatives += u32(label == 0);
  }
  atomicAdd(&faces, ownFaces);
  atomicAdd(&negatives, ownNegatives);
  workgroupBarrier();
  if (lane == 0u) {
    let asked = u32(min(floor(p.ratio * f32(atomicLoad(&faces))), f32(p.priors - 1u)));
    wanted = min(asked, atomicLoad(&negatives));
    prefix = 0u;
  }
  let kept = workgroupUniformLoad(&wanted);

  for (var pass_ = 0u; pass_ < 4u && kept > 0u; pass_++) {
    let shift = 24u - 8u * pass_;
    let above = select(0xffffff00u << shift, 0u, pass_ == 0u);
    let found = workgroupUniformLoad(&prefix);
    atomicStore(&histogram[lane], 0u);
    workgroupBarrier();
    for (var j = lane; j < p.priors; j += LANES) {
      let key = orderOf(losses[base + j]);
      if (labels[base + j] == 0 && ((key ^ found) & above) == 0u) {
        atomicAdd(&histogram[(key >> shift) & 255u], 1u);
      }
    }
    workgroupBarrier();
    if (lane == 0u) {
      var bin = 255u;
      var rest = wanted;
      loop {
        let count = atomicLoad(&histogram[bin]);
        if (count >= rest || bin == 0u) { break; }
        rest -= count;
        bin -= 1u;
      }
      prefix = found | (bin << shift);
      wanted = rest;
    }
  }

  let threshold = workgroupUniformLoad(&prefix);
  let ties = workgroupUniformLoad(&wanted);
  let span = (p.priors + LANES - 1u) / LANES;
  let start = min(lane * span, p.priors);
  let end = min(start + span, p.priors);
  var equal = 0u;
  for (var j = start; j < end; j++) {
    equal += u32(labels[base + j] == 0 && orderOf(losses[base + j]) == threshold);
  }
  laneTies[lane] = equal;
  workgroupBarrier();
  var rank = 0u;
  for (var other = 0u; other < lane; other++) { rank += laneTies[other]; }
  for (var j = start; j < end; j++) {
    let label = labels[base + j];
    var choose = label > 0;
    if (label == 0 && kept > 0u) {
      let key = orderOf(losses[base + j]);
      choose = key > threshold || (key == threshold && rank < ties);
      rank += u32(key == threshold);
    }
    chosen[base + j] = select(0.0, 1.0, choose);
  }`;

/**
 * Marks the priors that enter the classification loss: all labelled 1 or more, and of those labelled 0 the
 * min(⌊ratio · faces⌋, priors − 1) with the largest losses, of equal ones the first. Other labels are left
 * out. Bindings: losses, labels (i32), chosen (1 or 0 as f32), all [batch, priors].
 */
export function hardNegatives({ batch, priors, ratio }: MiningSpec): Kernel {
  return defineKernel({
    name: "hard-negatives",
    buffers: [input("losses", "f32"), input("labels", "i32"), output("chosen", "f32")],
    params: { priors, ratio: { f32: ratio } },
    globals,
    count: batch,
    perGroup: true,
    threads: LANES,
    body,
    flops: 0,
    bytes: batch * priors * 12,
  });
}
