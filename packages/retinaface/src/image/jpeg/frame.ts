import { Component, type JpegKernels } from "@retinaface-webgpu/kernels-wasm/jpeg";
import type { Size } from "../fit.js";
import { checkHeldBytes, type ImageLimits } from "../raw.js";
import type { JpegComponent, JpegHeader } from "./header.js";

/** MCU rows of samples that are held: one to convert, and its neighbours for interpolation. */
const RING = 3;

/** A component's share of the frame: how many blocks, and what is decoded of it. */
export interface Plane {
  h: number;
  v: number;
  /** Samples of a block's side: 8, or less where the image is decoded smaller. */
  blockSize: number;
  /** Sampling factors of what is decoded, in the frame's: a smaller component may be decoded less reduced. */
  across: number;
  down: number;
  /** Size in samples. */
  width: number;
  height: number;
  /** Blocks that a scan of this component alone has. */
  columns: number;
  rows: number;
  /** Blocks with those that fill up the last MCUs. */
  blockStride: number;
  blockRows: number;
  /** Rows of blocks whose samples are held; a row further down takes the place of an earlier one. */
  heldRows: number;
  /** Number of its quantisation table. */
  quantisation: number;
  /** Its quantisation factors in natural order, as they stood before its first scan. */
  factors?: Uint16Array;
  /** Samples a row. */
  stride: number;
  /** Address of the samples. */
  samples: number;
  /** Address of its `Component`. */
  record: number;
  /** Progressive only: address of 64 coefficients a block, of 16 bits, in natural order. */
  coefficients?: number | undefined;
  /** Progressive only: for each coefficient in zigzag order, how many low bits are to come; -1: all. */
  bitsToCome: Int8Array;
}

/** The frame laid out in blocks. */
export interface Frame {
  /** Of what is decoded. */
  width: number;
  height: number;
  /** Samples of a block's side at full resolution of what is decoded: 8, 4, 2 or 1. */
  blockSize: BlockSize;
  maxH: number;
  maxV: number;
  mcuColumns: number;
  mcuRows: number;
  progressive: boolean;
  planes: Plane[];
}

export type BlockSize = 8 | 4 | 2 | 1;

/**
 * How many times as large as wanted an image is decoded at least: what the transform leaves out and the filter takes away
 * again add up. AP 0.50 of 230 photos of at most 768 px (public MobileNet-0.25, faces of at least 8 / 16 / 32 px) at a long
 * side of 320: `decode: "full"` 61.2 / 78.0 / 93.0, from 1 on 60.6 / 77.4 / 92.3, from 1.5 on, which decodes all of these
 * whole and filters them, 60.9 / 77.8 / 93.0; processor time within its noise (2026-11-29). From 1 on a cubic filter
 * (Catmull-Rom) has 60.9 / 77.7 / 92.6, Mitchell's 60.6 / 77.4 / 92.6. At 240, where 102 of them are decoded at 1/2, 1.5 has
 * 45.5 / 61.1 / 86.5 and "full" 45.5 / 61.1 / 86.7 (2026-11-30).
 */
const ENOUGH = 1.5;

/** The smallest blocks whose image is {@link ENOUGH} for `wanted`, but for its rounding to whole pixels. */
export function blockSizeFor({ width, height }: Size, wanted: Size): BlockSize {
  const suffices = (side: number, size: number, least: number) =>
    (side * size) / 8 >= ENOUGH * least - 0.5;
  for (const size of [1, 2, 4] as const) {
    if (suffices(width, size, wanted.width) && suffices(height, size, wanted.height)) return size;
  }
  return 8;
}

/** A side of an image whose blocks are decoded to `blockSize` samples. */
export const reduced = (side: number, blockSize: number) => Math.ceil((side * blockSize) / 8);

/**
 * @param interleaved whether the first scan has all components, so that samples of a few rows at a
 * time are enough.
 * @param others bytes that are held besides, the result's pixels among them
 * @throws ImageError IMAGE_TOO_LARGE where it takes more memory than the limit.
 */
export function layFrame(
  header: JpegHeader,
  interleaved: boolean,
  blockSize: BlockSize,
  others: number,
  limits: ImageLimits,
  kernels: JpegKernels,
): Frame {
  const { width, height, components, progressive } = header;
  const maxH = Math.max(...components.map(({ h }) => h));
  const maxV = Math.max(...components.map(({ v }) => v));
  const mcuColumns = Math.ceil(width / (8 * maxH));
  const mcuRows = Math.ceil(height / (8 * maxV));
  const held = progressive || interleaved ? Math.min(RING, mcuRows) : mcuRows;
  const blocks = (weight: (size: number) => number) =>
    components.reduce((sum, { h, v }) => {
      const size = planeBlockSize(h, v, maxH, maxV, blockSize);
      return sum + mcuColumns * h * v * weight(size);
    }, 0);
  const samples = blocks((size) => size * size) * held;
  const coefficients = progressive ? blocks(() => 128) * mcuRows : 0;
  checkHeldBytes(others + samples + coefficients, limits);
  const layPlane = ({ h, v, quantisation }: JpegComponent): Plane => {
    const size = planeBlockSize(h, v, maxH, maxV, blockSize);
    const blockStride = mcuColumns * h;
    const blockRows = mcuRows * v;
    const stride = blockStride * size;
    return {
      h,
      v,
      blockSize: size,
      across: (h * size) / blockSize,
      down: (v * size) / blockSize,
      width: Math.ceil((width * h * size) / (maxH * 8)),
      height: Math.ceil((height * v * size) / (maxV * 8)),
      columns: Math.ceil(Math.ceil((width * h) / maxH) / 8),
      rows: Math.ceil(Math.ceil((height * v) / maxV) / 8),
      blockStride,
      blockRows,
      heldRows: held * v,
      quantisation,
      stride,
      samples: kernels.allocate(stride * held * v * size),
      record: kernels.allocate(Component.size * 4),
      coefficients: progressive ? kernels.allocate(blockStride * blockRows * 128) : undefined,
      bitsToCome: new Int8Array(64).fill(-1),
    };
  };
  return {
    width: reduced(width, blockSize),
    height: reduced(height, blockSize),
    blockSize,
    maxH,
    maxV,
    mcuColumns,
    mcuRows,
    progressive,
    planes: components.map(layPlane),
  };
}

/**
 * Components at half resolution keep twice the samples of a smaller image's blocks, so that nothing needs to be
 * interpolated, as libjpeg does it.
 */
function planeBlockSize(h: number, v: number, maxH: number, maxV: number, least: number): number {
  let size = least;
  while (size < 8 && (maxH * least) % (h * size * 2) === 0 && (maxV * least) % (v * size * 2) === 0)
    size *= 2;
  return size;
}
