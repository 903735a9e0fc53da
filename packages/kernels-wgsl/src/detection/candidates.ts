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

/** WGSL that reads a word of the logits, or of a head's numbers. */
interface Reading {
  readonly logit: (at: string) => string;
  readonly number: (head: number, at: string) => string;
}

/** Of one level: a buffer for the logits, and one for each head. */
const OF_LEVEL: Reading = {
  logit: (at) => `logits[${at}]`,
  number: (head, at) => `head${head}[${at}]`,
};

/** Of any level, which has one buffer for all. */
const OF_LEVELS: Reading = {
  logit: (at) => `word(level, ${at})`,
  number: (_, at) => `word(level, ${at})`,
};

/** WGSL that finds the key of an anchor, whose logits begin at \`l\`; with several classes the best one's, and which it is. */
function judge({ classes }: RecordSpec, { label }: RecordLayout, { logit }: Reading): string {
  const key = `marginKey(${logit("l")}, ${logit("l + 1u")})`;
  if (label === undefined) return `    let key = ${key};`;
  return `    var key = ${key};
    var label = 1u;
    for (var c = 2u; c < ${classes}u; c++) {
      let other = marginKey(${logit("l")}, ${logit("l + c")});
      if (other > key) {
        key = other;
        label = c;
      }
    }`;
}

/** WGSL that copies the heads' numbers, a word after the other. */
function copyHeads({ heads }: RecordLayout, { number }: Reading): string {
  const cases = heads.map(({ at, width }, n) => {
    const from = number(n, `h${n} + w - ${at}u`);
    const last = n === heads.length - 1;
    return last
      ? `{ records[r + w] = ${from}; }`
      : `if (w < ${at + width}u) { records[r + w] = ${from}; }`;
  });
  return `      for (var w = ${heads[0].at}u; w < p.words; w++) {
        ${cases.join(" else ")}
      }`;
}

/** WGSL for a cell, number `at` of its level in all images, which is `cell` of `image`. */
function judgeCell(
  record: RecordSpec,
  layout: RecordLayout,
  { at, firstPrior, reading }: { at: string; firstPrior: string; reading: Reading },
): string {
  const starts = layout.heads.map(
    ({ width }, n) =>
      `      let h${n} = ${at} * p.head${n}Stride + p.head${n}Offset + a * ${width}u;`,
  );
  const label = layout.label === undefined ? "" : `\n      records[r + ${layout.label}u] = label;`;
  return `
  let logitsAt = ${at} * p.logitsStride + p.logitsOffset;
  for (var a = 0u; a < p.anchors; a++) {
    let l = logitsAt + a * ${record.classes}u;
${judge(record, layout, reading)}
    let prior = ${firstPrior} + cell * p.anchors + a;
    let slot = image * p.priors + prior;
    let passes = key >= p.threshold;
    keys[slot] = select(${NO_KEY}u, key, passes);
    if (passes) {
${starts.join("\n")}
      let r = slot * p.words;
      records[r + ${layout.key}u] = key;
      records[r + ${layout.prior}u] = prior;${label}
${copyHeads(layout, reading)}
    }
  }`;
}

/** What both kernels are told beside the cells. */
function sharedParams(spec: Omit<CandidatesSpec, "cells" | "firstPrior">) {
  const { logits, heads } = spec;
  const places = heads.flatMap(({ stride, offset }, n) => [
    [`head${n}Stride`, stride],
    [`head${n}Offset`, offset],
  ]);
  return {
    anchors: spec.anchorsPerCell,
    logitsStride: logits.stride,
    logitsOffset: logits.offset,
    ...(Object.fromEntries(places) as Record<string, number>),
    priors: spec.priors,
    threshold: spec.threshold,
    words: recordLayout(spec.record).words,
  };
}

/**
 * Bindings: the logits, each head of the record (all may be one buffer), keys `u32 [batch, priors]`, records `u32
 * [batch, priors, words]`, of which only those with a key are written.
 */
export function candidates(spec: CandidatesSpec): Kernel {
  const { batch, cells, anchorsPerCell, record, firstPrior, heads } = spec;
  const count = batch * cells;
  return defineKernel({
    name: "candidates",
    buffers: [
      input("logits", "u32"),
      ...heads.map((_, n) => input(`head${n}`, "u32")),
      output("keys", "u32"),
      output("records", "u32"),
    ],
    params: { cells, firstPrior, ...sharedParams(spec) },
    globals: GLOBALS,
    count,
    body: `
  let image = i / p.cells;
  let cell = i - image * p.cells;${judgeCell(record, recordLayout(record), {
    at: "i",
    firstPrior: "p.firstPrior",
    reading: OF_LEVEL,
  })}`,
    flops: count * anchorsPerCell * (record.classes - 1),
    bytes: count * anchorsPerCell * (record.classes + 1) * 4,
  });
}

/** All pyramid levels' head outputs, those of a level in one buffer and laid out as those of the others. */
export interface AllCandidatesSpec extends Omit<CandidatesSpec, "cells" | "firstPrior"> {
  /** Cells of each level; their priors follow one another. */
  readonly cells: readonly number[];
}

/** Levels that one dispatch can read: with keys and records as many buffers as every device binds. */
export const MOST_CANDIDATE_LEVELS = 6;

/** The candidates of all levels in one dispatch. Bindings: the levels' heads, keys and records as of `candidates`. */
export function allCandidates(spec: AllCandidatesSpec): Kernel {
  const { batch, cells, anchorsPerCell, record } = spec;
  const count = batch * cells.reduce((a, b) => a + b, 0);
  const levels = cells.map((_, k) => `level${k}`);
  const last = levels.length - 1;
  const cases = levels.map((name, k) => {
    const which = k === last ? "default" : `case ${k}u`;
    return `    ${which}: { return ${name}[at]; }`;
  });
  const nextLevels = cells.slice(1).map(
    (_, k) => `
  if (level == ${k}u && own >= p.batch * cells) {
    own -= p.batch * cells;
    firstPrior += cells * p.anchors;
    level = ${k + 1}u;
    cells = p.cells${k + 1};
  }`,
  );
  return defineKernel({
    name: "candidates-levels",
    buffers: [
      ...levels.map((name) => input(name, "u32")),
      output("keys", "u32"),
      output("records", "u32"),
    ],
    params: {
      batch,
      ...Object.fromEntries(cells.map((n, k) => [`cells${k}`, n])),
      ...sharedParams(spec),
    },
    globals: `${GLOBALS}
fn word(level: u32, at: u32) -> u32 {
  switch level {
${cases.join("\n")}
  }
}`,
    count,
    body: `
  var level = 0u;
  var own = i;
  var cells = p.cells0;
  var firstPrior = 0u;${nextLevels.join("")}
  let image = own / cells;
  let cell = own - image * cells;${judgeCell(record, recordLayout(record), {
    at: "own",
    firstPrior: "firstPrior",
    reading: OF_LEVELS,
  })}`,
    flops: count * anchorsPerCell * (record.classes - 1),
    bytes: count * anchorsPerCell * (record.classes + 1) * 4,
  });
}
