/**
 * Which priors may be faces: for each prior of one pyramid level its key, and, where it passes the threshold, a
 * record (see `record.ts`) of what the network said about it.
 *
 * A prior is judged by its margin, the face logit minus the background logit, not by the softmax of the two: the
 * margin orders priors as the probability does, is exact in f32 on every adapter where `exp` is not, and still tells
 * apart what the probability rounds to 1. The key is the margin's bits, mapped so that unsigned comparison orders
 * them; the caller maps its probability threshold to the smallest key that passes (`marginKey`).
 *
 * With several classes the prior is of the one with the largest logit, and its margin is that one's.
 *
 * A record is written by one loop over its words: llvmpipe compiles every load and store in the text for 10 to 30 ms.
 *
 * Logits are read as bits, because a shader may assume that there are no NaNs: a logit that is NaN or infinite (one
 * that overflowed) gets its prior `NAN_KEY`.
 */
import { defineKernel, input, output } from "../define.js";
import type { Kernel } from "../kernel.js";
import { type RecordLayout, type RecordSpec, recordLayout } from "./record.js";

/** Key of a prior that does not pass; less than any margin's. */
export const NO_KEY = 0;
/** Key of a prior whose margin is NaN or has a logit that is not finite; more than any margin's. */
export const NAN_KEY = 0xffffffff;
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
  readonly record: RecordSpec;
  /** Where the logits lie. */
  readonly logits: HeadView;
  /** Where the numbers of the record's heads lie, box first. */
  readonly heads: readonly HeadView[];
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

/** WGSL that finds the key of an anchor, whose logits begin at \`l\`; with several classes the best one's, and which it is. */
function judge({ classes }: RecordSpec, { label }: RecordLayout): string {
  if (label === undefined) return "    let key = marginKey(logits[l], logits[l + 1u]);";
  return `    var key = marginKey(logits[l], logits[l + 1u]);
    var label = 1u;
    for (var c = 2u; c < ${classes}u; c++) {
      let other = marginKey(logits[l], logits[l + c]);
      if (other > key) {
        key = other;
        label = c;
      }
    }`;
}

/** WGSL that copies the heads' numbers, a word after the other. */
function copyHeads({ heads }: RecordLayout): string {
  const cases = heads.map(({ at, width }, n) => {
    const from = `head${n}[h${n} + w - ${at}u]`;
    const last = n === heads.length - 1;
    return last
      ? `{ records[r + w] = ${from}; }`
      : `if (w < ${at + width}u) { records[r + w] = ${from}; }`;
  });
  return `      for (var w = ${heads[0].at}u; w < p.words; w++) {
        ${cases.join(" else ")}
      }`;
}

function body(record: RecordSpec, layout: RecordLayout): string {
  const starts = layout.heads.map(
    ({ width }, n) => `      let h${n} = i * p.head${n}Stride + p.head${n}Offset + a * ${width}u;`,
  );
  const label = layout.label === undefined ? "" : `\n      records[r + ${layout.label}u] = label;`;
  return `
  let image = i / p.cells;
  let cell = i - image * p.cells;
  let logitsAt = i * p.logitsStride + p.logitsOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let l = logitsAt + a * ${record.classes}u;
${judge(record, layout)}
    let prior = p.firstPrior + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(${NO_KEY}u, key, passes);
    if (passes) {
${starts.join("\n")}
      let r = slot * p.words;
      records[r + ${layout.key}u] = key;
      records[r + ${layout.prior}u] = prior;${label}
${copyHeads(layout)}
    }
  }`;
}

/**
 * Bindings: the logits, each head of the record (all may be one buffer), keys `u32 [batch, priors]`, records `u32
 * [batch, priors, words]`, of which only those with a key are written.
 */
export function candidates(spec: CandidatesSpec): Kernel {
  const { batch, cells, anchorsPerCell, record, logits, heads } = spec;
  const layout = recordLayout(record);
  const count = batch * cells;
  const places = heads.flatMap(({ stride, offset }, n) => [
    [`head${n}Stride`, stride],
    [`head${n}Offset`, offset],
  ]);
  return defineKernel({
    name: "candidates",
    buffers: [
      input("logits", "u32"),
      ...heads.map((_, n) => input(`head${n}`, "u32")),
      output("keys", "u32"),
      output("records", "u32"),
    ],
    params: {
      cells,
      anchors: anchorsPerCell,
      logitsStride: logits.stride,
      logitsOffset: logits.offset,
      ...Object.fromEntries(places),
      firstPrior: spec.firstPrior,
      priors: spec.priors,
      threshold: spec.threshold,
      words: layout.words,
    },
    globals: GLOBALS,
    count,
    body: body(record, layout),
    flops: count * anchorsPerCell * (record.classes - 1),
    bytes: count * anchorsPerCell * (record.classes + 1) * 4,
  });
}
