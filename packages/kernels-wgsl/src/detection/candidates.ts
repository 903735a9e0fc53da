/**
 * Which priors may be faces: for each prior of one pyramid level its key, and, where it passes the threshold, a
 * record of what the network said about it.
 *
 * A prior is judged by its margin, the face logit minus the background logit, not by the softmax of the two: the
 * margin orders priors as the probability does, is exact in f32 on every adapter where `exp` is not, and still tells
 * apart what the probability rounds to 1. The key is the margin's bits, mapped so that unsigned comparison orders
 * them; the caller maps its probability threshold to the smallest key that passes (`marginKey`).
 *
 * Logits are read as bits, because a shader may assume that there are no NaNs: a logit that is NaN or infinite (one
 * that overflowed) gets its prior `NAN_KEY`.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";

/** Key of a prior that does not pass; less than any margin's. */
export const NO_KEY = 0;
/** Key of a prior whose margin is NaN or has a logit that is not finite; more than any margin's. */
export const NAN_KEY = 0xffffffff;
/** Words of a record: key, prior, 4 box offsets, 10 landmark offsets (f32 bits). */
export const RECORD_WORDS = 16;

const bits = new DataView(new ArrayBuffer(4));

/** The key of a margin: order of keys is order of margins, -0 counts as 0. */
export function marginKey(margin: number): number {
  if (Number.isNaN(margin)) return NAN_KEY;
  bits.setFloat32(0, margin === 0 ? 0 : margin);
  const word = bits.getUint32(0);
  return (word & 0x80000000 ? ~word : word | 0x80000000) >>> 0;
}

/** The margin of a key; NaN for `NAN_KEY`. */
export function keyMargin(key: number): number {
  bits.setUint32(0, key & 0x80000000 ? key & 0x7fffffff : ~key);
  return bits.getFloat32(0);
}

/** Channels `offset …` of pixels that are `stride` floats apart. */
export interface HeadView {
  readonly stride: number;
  readonly offset: number;
}

/** One pyramid level's head outputs, NHWC, the priors of a cell side by side. */
export interface CandidatesSpec {
  readonly batch: number;
  /** Cells of the level. */
  readonly cells: number;
  readonly anchorsPerCell: number;
  /** Logits of background and face. */
  readonly conf: HeadView;
  readonly loc: HeadView;
  readonly landms: HeadView;
  /** Index of the level's first prior. */
  readonly firstPrior: number;
  /** Priors of all levels. */
  readonly priors: number;
  /** Least key that passes. */
  readonly threshold: number;
}

const GLOBALS = `
const NAN_KEY = ${NAN_KEY}u;
const INFINITY = 0x7f800000u;
fn keyOf(bits: u32) -> u32 {
  if ((bits & 0x7fffffffu) == 0u) { return 0x80000000u; }
  return select(bits | 0x80000000u, ~bits, bits >= 0x80000000u);
}
fn marginKey(background: u32, face: u32) -> u32 {
  let b = background & 0x7fffffffu;
  let f = face & 0x7fffffffu;
  if (max(b, f) >= INFINITY) { return NAN_KEY; }
  return keyOf(bitcast<u32>(bitcast<f32>(face) - bitcast<f32>(background)));
}`;

const BODY = `
  let image = i / p.cells;
  let cell = i - image * p.cells;
  let confAt = i * p.confStride + p.confOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let key = marginKey(conf[confAt + a * 2u], conf[confAt + a * 2u + 1u]);
    let prior = p.firstPrior + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(${NO_KEY}u, key, passes);
    if (passes) {
      let l = i * p.locStride + p.locOffset + a * 4u;
      let m = i * p.landmsStride + p.landmsOffset + a * 10u;
      let r = slot * p.words;
      records[r] = key;
      records[r + 1u] = prior;
      for (var w = 2u; w < p.words; w++) {
        if (w < 6u) { records[r + w] = loc[l + w - 2u]; } else { records[r + w] = landms[m + w - 6u]; }
      }
    }
  }`;

/**
 * Bindings: conf, loc, landms (may be one buffer), keys `u32 [batch, priors]`, records `u32
 * [batch, priors, 16]`, of which only those with a key are written.
 */
export function candidates(spec: CandidatesSpec): Kernel {
  const { batch, cells, anchorsPerCell, conf, loc, landms } = spec;
  const count = batch * cells;
  return defineKernel({
    name: "candidates",
    buffers: [
      input("conf", "u32"),
      input("loc", "u32"),
      input("landms", "u32"),
      output("keys", "u32"),
      output("records", "u32"),
    ],
    params: {
      cells,
      anchors: anchorsPerCell,
      confStride: conf.stride,
      confOffset: conf.offset,
      locStride: loc.stride,
      locOffset: loc.offset,
      landmsStride: landms.stride,
      landmsOffset: landms.offset,
      firstPrior: spec.firstPrior,
      priors: spec.priors,
      threshold: spec.threshold,
      words: RECORD_WORDS,
    },
    globals: GLOBALS,
    count,
    body: BODY,
    flops: count * anchorsPerCell,
    bytes: count * anchorsPerCell * 12,
  });
}
