/** Kernels along one axis of [outer, extent, inner]. */
import { defineKernel, type Kernel, rowsFor } from "./kernel.js";
import { Lines, Pad, PadKind, Words } from "./line-records.js";
import { Opcode } from "./records.js";

/** Elements of a chunk. */
const CHUNK = 4 * 1024;

/** What elements are; all have four bytes. */
export type WordType = "f32" | "i32" | "u32";

const WORDS: Record<WordType, Words> = {
  f32: Words.float,
  i32: Words.signed,
  u32: Words.unsigned,
};

/** `Words` of a type. */
export function wordsOf(type: WordType): Words {
  return WORDS[type];
}

/** Lines along the middle axis. */
export interface LineSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  readonly type: WordType;
}

function lineKernel(
  name: string,
  opcode: Opcode,
  { outer, extent, inner, type }: LineSpec,
  more: { readonly downwards: boolean; readonly take?: number },
): Kernel {
  const lines = outer * inner;
  const chunkLines = rowsFor(CHUNK, extent);
  const { downwards, take } = more;
  const operands = [
    { operand: "input", field: Lines.input, offset: 0 },
    { operand: "output", field: Lines.output, offset: 0 },
  ];
  if (take !== undefined)
    operands.push({ operand: "positions", field: Lines.positions, offset: 0 });
  return defineKernel({
    name,
    opcode,
    size: Lines.size,
    chunks: Math.ceil(lines / chunkLines),
    integers: {
      [Lines.lines]: lines,
      [Lines.extent]: extent,
      [Lines.inner]: inner,
      [Lines.chunkLines]: chunkLines,
      [Lines.words]: wordsOf(type),
      [Lines.downwards]: downwards ? 1 : 0,
      [Lines.take]: take ?? extent,
    },
    operands,
    flops: lines * extent,
  });
}

/**
 * The first `take` of each line in order; equal values keep theirs, NaN counts as larger than any number and −0 as 0.
 * Operands `input`, `output` [outer, take, inner], `positions` (i32) of the same shape.
 */
export function sort(
  spec: LineSpec & { readonly descending: boolean; readonly take: number },
): Kernel {
  const { descending, take } = spec;
  return lineKernel("sort", Opcode.Sort, spec, { downwards: descending, take });
}

/** Sums from the start of each line, or from its end. Operands `input`, `output`. */
export function cumulativeSum(spec: LineSpec & { readonly reverse: boolean }): Kernel {
  return lineKernel("cumulative-sum", Opcode.CumulativeSum, spec, { downwards: spec.reverse });
}

/** Where the largest or smallest element of each line is: the first such, or NaN. Operands `input`, `output` (i32). */
export function argExtreme(spec: LineSpec & { readonly largest: boolean }): Kernel {
  return lineKernel("arg-extreme", Opcode.ArgExtreme, spec, { downwards: spec.largest });
}

/** One axis of a tensor [outer, extent, inner] that becomes before + extent + after long. */
export interface PadSpec {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
  /** Negative numbers crop (constant mode only). */
  readonly before: number;
  readonly after: number;
  readonly mode: Exclude<keyof typeof PadKind, number>;
}

function padKernel(name: string, opcode: Opcode, spec: PadSpec, written: number, value: number) {
  const { outer, extent, inner, before, after, mode } = spec;
  const chunkRows = rowsFor(CHUNK, inner);
  return defineKernel({
    name,
    opcode,
    size: Pad.size,
    chunks: Math.ceil((outer * written) / chunkRows),
    integers: {
      [Pad.rows]: outer * written,
      [Pad.extent]: extent,
      [Pad.padded]: before + extent + after,
      [Pad.inner]: inner,
      [Pad.before]: before,
      [Pad.kind]: PadKind[mode],
      [Pad.value]: value,
      [Pad.chunkRows]: chunkRows,
    },
    operands: [
      { operand: "input", field: Pad.input, offset: 0 },
      { operand: "output", field: Pad.output, offset: 0 },
    ],
    flops: 0,
  });
}

/** @param value bits of the constant. Operands `input`, `output`. */
export function padAxis(spec: PadSpec, value: number): Kernel {
  const { before, extent, after } = spec;
  return padKernel("pad", Opcode.Pad, spec, before + extent + after, value);
}

/** Of `padAxis` by reflection or the edge, whose padding is not negative. Operands `input` (gradient), `output`. */
export function padAxisGradient(spec: PadSpec): Kernel {
  return padKernel("pad-gradient", Opcode.PadGradient, spec, spec.extent, 0);
}
