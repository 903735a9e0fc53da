import { defineKernel, type Kernel } from "./kernel.js";
import { Image, Opcode, Taps } from "./records.js";

/** An RGBA image and the size at which a network sees it. */
export interface ImageInputSpec {
  readonly sourceWidth: number;
  readonly sourceHeight: number;
  readonly width: number;
  readonly height: number;
  /** Subtracted from blue, green and red. */
  readonly mean: readonly [b: number, g: number, r: number];
}

/** Which samples make one of an axis, and with which weights. */
export interface AxisTaps {
  /**
   * The first sample of each; may be negative, and the last past the end: the edge's value counts
   * there.
   */
  readonly first: Int32Array;
  /** Weights of each, adding up to 1. */
  readonly weights: readonly Float32Array[];
}

/** Output rows of a chunk: each reads the source's rows once, plus those that the next shares. */
const STRIP = 16;

/**
 * Operands `source` (RGBA bytes), `taps` (of `packTaps`), `output` (`[height, width, 3]`: B, G, R).
 */
export function imageInput(spec: ImageInputSpec): Kernel {
  const { width, height, mean } = spec;
  const bytes = width * 16 * 3 + 64;
  const strip = height > spec.sourceHeight ? 1 : STRIP;
  return defineKernel({
    name: "image-input",
    opcode: Opcode.Image,
    size: Image.size,
    chunks: Math.ceil(height / strip),
    integers: {
      [Image.sourceWidth]: spec.sourceWidth,
      [Image.sourceHeight]: spec.sourceHeight,
      [Image.width]: width,
      [Image.height]: height,
      [Image.chunkRows]: strip,
      [Image.scratchBytes]: bytes,
    },
    floats: { [Image.meanB]: mean[0], [Image.meanG]: mean[1], [Image.meanR]: mean[2] },
    operands: [
      { operand: "source", field: Image.source, offset: 0 },
      { operand: "taps", field: Image.taps, offset: 0 },
      { operand: "output", field: Image.output, offset: 0 },
    ],
    scratch: { field: Image.scratch, bytes },
    flops: width * height * 12,
  });
}

/** The operand `taps`: entries of the columns, entries of the rows, their weights. */
export function packTaps(columns: AxisTaps, rows: AxisTaps): Int32Array {
  const axes = [columns, rows];
  const entries = axes.reduce((n, { first }) => n + first.length, 0);
  const count = axes.reduce((n, { weights }) => n + weights.reduce((m, w) => m + w.length, 0), 0);
  const words = new Int32Array(entries * Taps.size + count);
  const floats = new Float32Array(words.buffer);
  let entry = 0;
  let at = entries * Taps.size;
  for (const { first, weights } of axes) {
    for (const [i, each] of weights.entries()) {
      words[entry + Taps.first] = first[i];
      words[entry + Taps.count] = each.length;
      words[entry + Taps.weights] = at;
      floats.set(each, at);
      at += each.length;
      entry += Taps.size;
    }
  }
  return words;
}
