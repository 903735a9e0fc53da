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

/** Shrinking by more than this averages over all covered samples instead of interpolating. */
const ANTIALIAS_ABOVE = 2;

/**
 * Taps of an axis resized from `from` to `to` samples: a triangle around the half-pixel centre
 * `(i + 0.5) · from / to − 0.5`, one sample of the source wide to each side, or one sample of the
 * result where the axis shrinks by more than 2. What kernels-wgsl's `writeTaps` describes, with the
 * weights written out.
 */
export function tentTaps(from: number, to: number): AxisTaps {
  if (from === to) return identityTaps(to);
  const scale = from / to;
  const radius = scale > ANTIALIAS_ABOVE ? scale : 1;
  const first = new Int32Array(to);
  const weights: Float32Array[] = [];
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    first[i] = Math.floor(centre - radius) + 1;
    const own = new Float64Array(Math.ceil(centre + radius) - first[i]);
    let sum = 0;
    for (let k = 0; k < own.length; k++) {
      own[k] = 1 - Math.abs(first[i] + k - centre) / radius;
      sum += own[k];
    }
    weights.push(Float32Array.from(own, (weight) => weight / sum));
  }
  return { first, weights };
}

/** Each sample as it is: what images have that were decoded to the network's size. */
function identityTaps(count: number): AxisTaps {
  const whole = Float32Array.of(1);
  return {
    first: Int32Array.from({ length: count }, (_, i) => i),
    weights: Array(count).fill(whole),
  };
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
