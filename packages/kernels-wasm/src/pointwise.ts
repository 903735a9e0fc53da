import { type Activation, tailOf } from "./activation.js";
import { defineKernel, type Kernel, rowsFor } from "./kernel.js";
import { Copy, Opcode, Pointwise, PointwiseKind, Resize, Softmax } from "./records.js";

/** Floats that a chunk reads, at least. */
const CHUNK = 16 * 1024;

/** Element by element over rows of `width`, with an activation behind. */
export interface PointwiseSpec {
  readonly rows: number;
  readonly width: number;
  /**
   * `tail` has one operand; `affine` is a · scale + shift by the position in the row, `b` holding
   * first all scales.
   */
  readonly kind: "tail" | "add" | "multiply" | "subtract" | "affine";
  /** Rows of `b`: as many as of `a`, or one for all. */
  readonly shared?: boolean;
  readonly activation?: Activation;
}

/** Operands `a`, `b` (but of `tail`), `output`. */
export function pointwise(spec: PointwiseSpec): Kernel {
  const { rows, width, kind, shared = false, activation = { kind: "none" } } = spec;
  const { tail, slope } = tailOf(activation);
  const chunkRows = rowsFor(CHUNK, width);
  const second = kind === "tail" ? [] : [{ operand: "b", field: Pointwise.b, offset: 0 }];
  return defineKernel({
    name: kind === "tail" ? activation.kind : kind,
    opcode: Opcode.Pointwise,
    size: Pointwise.size,
    chunks: Math.ceil(rows / chunkRows),
    integers: {
      [Pointwise.rows]: rows,
      [Pointwise.width]: width,
      [Pointwise.bRows]: shared || kind === "affine" ? 1 : rows,
      [Pointwise.kind]: PointwiseKind[kind],
      [Pointwise.tail]: tail,
      [Pointwise.chunkRows]: chunkRows,
    },
    floats: { [Pointwise.slope]: slope },
    operands: [
      { operand: "a", field: Pointwise.a, offset: 0 },
      ...second,
      { operand: "output", field: Pointwise.output, offset: 0 },
    ],
    flops: rows * width * (kind === "affine" ? 2 : 1),
  });
}

/**
 * Rows of `width` floats, `inStride` apart, to rows `outStride` apart, from float `outOffset` on.
 */
export interface CopySpec {
  readonly rows: number;
  readonly width: number;
  readonly inStride?: number;
  readonly outStride?: number;
  readonly outOffset?: number;
}

/** Operands `input`, `output`. */
export function copy(spec: CopySpec): Kernel {
  const { rows, width, inStride = width, outStride = width, outOffset = 0 } = spec;
  const chunkRows = rowsFor(CHUNK, width);
  return defineKernel({
    name: "copy",
    opcode: Opcode.Copy,
    size: Copy.size,
    chunks: Math.ceil(rows / chunkRows),
    integers: {
      [Copy.rows]: rows,
      [Copy.width]: width,
      [Copy.inStride]: inStride,
      [Copy.outStride]: outStride,
      [Copy.chunkRows]: chunkRows,
    },
    operands: [
      { operand: "input", field: Copy.input, offset: 0 },
      { operand: "output", field: Copy.output, offset: outOffset * 4 },
    ],
    flops: 0,
  });
}

/** Nearest neighbour of NHWC images: pixel ⌊i · from / to⌋, as PyTorch's. */
export interface ResizeSpec {
  readonly batch: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly channels: number;
}

/** Operands `input`, `output`. */
export function resizeNearest(spec: ResizeSpec): Kernel {
  return defineKernel({
    name: "resize-nearest",
    opcode: Opcode.Resize,
    size: Resize.size,
    chunks: spec.batch * spec.outHeight,
    integers: {
      [Resize.batch]: spec.batch,
      [Resize.inHeight]: spec.inHeight,
      [Resize.inWidth]: spec.inWidth,
      [Resize.outHeight]: spec.outHeight,
      [Resize.outWidth]: spec.outWidth,
      [Resize.channels]: spec.channels,
      [Resize.outStride]: spec.channels,
    },
    operands: [
      { operand: "input", field: Resize.input, offset: 0 },
      { operand: "output", field: Resize.output, offset: 0 },
    ],
    flops: 0,
  });
}

/** e^(x − max) / Σ over rows. Operands `input`, `output`. */
export function softmax({ rows, width }: { rows: number; width: number }): Kernel {
  const chunkRows = rowsFor(CHUNK / 8, width);
  return defineKernel({
    name: "softmax",
    opcode: Opcode.Softmax,
    size: Softmax.size,
    chunks: Math.ceil(rows / chunkRows),
    integers: {
      [Softmax.rows]: rows,
      [Softmax.width]: width,
      [Softmax.chunkRows]: chunkRows,
    },
    operands: [
      { operand: "input", field: Softmax.input, offset: 0 },
      { operand: "output", field: Softmax.output, offset: 0 },
    ],
    flops: rows * width * 4,
  });
}
