/** Words of a record that convolutions and their gradients share, and the sizes of their chunks. */
import { type OperandSlot, rowsFor } from "../kernel.js";
import { ResidualOrder, Window } from "../records.js";
import { type Conv2dSpec, outputSize } from "./spec.js";

/**
 * Floats of rows that a chunk makes: half of a first-level cache of 48 KiB, so that they stay there
 * while panel after panel of weights passes. 64→64 channels, 3×3 on 80×80 as a product: 26 ms with
 * 24,576 floats, 14 ms with 6,144; MobileNet-0.25 at 640×640 50 and 46 ms (Xeon model 167, one thread,
 * Node 20.20, 2026-11-29, the fastest of 25 runs of each step).
 */
export const CHUNK_FLOATS = 6 * 1024;
/** Pixels of a chunk at most and at least, multiples of a tile's 4 rows. */
const MOST_PIXELS = 128;
const LEAST_PIXELS = 16;
/** Chunks to aim at where there is enough to do: eight threads then end at about the same time. */
export const CHUNKS = 32;

export const toFour = (value: number): number => Math.ceil(value / 4) * 4;

/**
 * Pixels of a chunk. @param width floats of a row @param pixels of all images
 */
export function chunkPixels(width: number, pixels: number): number {
  const fitting = Math.floor(rowsFor(CHUNK_FLOATS, width) / 4) * 4;
  const shared = Math.min(MOST_PIXELS, toFour(pixels / CHUNKS));
  return Math.max(LEAST_PIXELS, Math.min(fitting, shared));
}

/** With room for copies that go beyond their end by up to 3 floats. */
export function scratchOf(bytes: number): number {
  return Math.ceil(bytes / 64) * 64 + 64;
}

/** @param offset in floats */
export function slot(operand: string, field: number, offset = 0): OperandSlot {
  return { operand, field, offset: offset * 4 };
}

/** Geometry of a window that lies over the input, and of the output that is stored. */
export function windowWords(window: Conv2dSpec, stored: Conv2dSpec): Record<number, number> {
  const [height, width] = outputSize(window);
  return {
    [Window.batch]: window.batch,
    [Window.inHeight]: window.inHeight,
    [Window.inWidth]: window.inWidth,
    [Window.inStride]: window.inStride ?? window.inChannels,
    [Window.outHeight]: height,
    [Window.outWidth]: width,
    [Window.outStride]: stored.outStride ?? stored.outChannels,
    [Window.kernelHeight]: window.kernelSize[0],
    [Window.kernelWidth]: window.kernelSize[1],
    [Window.strideY]: window.stride[0],
    [Window.strideX]: window.stride[1],
    [Window.padTop]: window.padding[0],
    [Window.padLeft]: window.padding[2],
    [Window.dilationY]: window.dilation[0],
    [Window.dilationX]: window.dilation[1],
  };
}

/** A residual's order, height, width and stride, behind its address at `field`. */
export function residualWords({ residual, outChannels }: Conv2dSpec, field: number) {
  if (!residual) return {};
  const before = residual.order === "before-activation";
  return {
    [field + 1]: before ? ResidualOrder.beforeActivation : ResidualOrder.afterActivation,
    [field + 2]: residual.height,
    [field + 3]: residual.width,
    [field + 4]: outChannels,
  };
}

export function operandsOf(
  window: Conv2dSpec,
  stored: Conv2dSpec,
  residual: number,
): OperandSlot[] {
  return [
    slot("input", Window.input, window.inOffset ?? 0),
    slot("output", Window.output, stored.outOffset ?? 0),
    ...(stored.residual ? [slot("residual", residual)] : []),
  ];
}
