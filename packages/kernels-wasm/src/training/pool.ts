import { defineKernel, type Kernel, rowsFor } from "../kernel.js";
import type { ResizeSpec } from "../pointwise.js";
import type { PoolSpec } from "../pool.js";
import { Opcode, Window } from "../records.js";
import {
  PoolGradient,
  PoolGradientKind,
  PoolPositions,
  ResizeGradient as ResizeFields,
} from "./records.js";

/** A pool whose output's size is known. */
export type SizedPool = PoolSpec & { readonly outHeight: number; readonly outWidth: number };

/** Channels that one chunk of a gradient adds to: a line of a processor's cache. */
const CHANNELS = 16;

function windowOf(spec: SizedPool): Record<number, number> {
  return {
    [Window.batch]: spec.batch,
    [Window.inHeight]: spec.inHeight,
    [Window.inWidth]: spec.inWidth,
    [Window.inStride]: spec.channels,
    [Window.outHeight]: spec.outHeight,
    [Window.outWidth]: spec.outWidth,
    [Window.outStride]: spec.channels,
    [Window.kernelHeight]: spec.kernelSize[0],
    [Window.kernelWidth]: spec.kernelSize[1],
    [Window.strideY]: spec.stride[0],
    [Window.strideX]: spec.stride[1],
    [Window.padTop]: spec.padding[0],
    [Window.padLeft]: spec.padding[2],
    [Window.dilationY]: spec.dilation[0],
    [Window.dilationX]: spec.dilation[1],
  };
}

function flopsOf({ batch, outHeight, outWidth, channels, kernelSize }: SizedPool): number {
  return batch * outHeight * outWidth * channels * kernelSize[0] * kernelSize[1];
}

/**
 * The largest under each window, and where it was: row · width + column, of the first of equal ones.
 * Operands `input`, `output`, `positions` (i32).
 */
export function maxPoolPositions(spec: SizedPool): Kernel {
  const { batch, outHeight, outWidth, channels, kernelSize } = spec;
  const pixels = rowsFor(8192, channels * kernelSize[0] * kernelSize[1]);
  return defineKernel({
    name: "max-pool-positions",
    opcode: Opcode.PoolPositions,
    size: PoolPositions.size,
    chunks: Math.ceil((batch * outHeight * outWidth) / pixels),
    integers: {
      ...windowOf(spec),
      [PoolPositions.channels]: channels,
      [PoolPositions.chunkPixels]: pixels,
    },
    operands: [
      { operand: "input", field: Window.input, offset: 0 },
      { operand: "output", field: Window.output, offset: 0 },
      { operand: "positions", field: PoolPositions.positions, offset: 0 },
    ],
    flops: flopsOf(spec),
  });
}

/** Operands `gradient` (of the output), `output` (of the input) and, for largest ones, `positions`. */
export function poolGradient(spec: SizedPool): Kernel {
  const { batch, channels, kind, countPadding } = spec;
  const far = -(2 ** 30);
  return defineKernel({
    name: `${kind}-pool-gradient`,
    opcode: Opcode.PoolGradient,
    size: PoolGradient.size,
    chunks: batch * Math.ceil(channels / CHANNELS),
    integers: {
      ...windowOf(spec),
      [PoolGradient.channels]: channels,
      [PoolGradient.kind]: PoolGradientKind[kind],
      [PoolGradient.chunkChannels]: CHANNELS,
      [PoolGradient.countFrom]: countPadding ? far : 0,
      [PoolGradient.countBelow]: spec.inHeight + (countPadding ? spec.padding[1] : 0),
      [PoolGradient.countRight]: spec.inWidth + (countPadding ? spec.padding[3] : 0),
    },
    operands: [
      { operand: "output", field: Window.input, offset: 0 },
      { operand: "gradient", field: Window.output, offset: 0 },
      ...(kind === "max"
        ? [{ operand: "positions", field: PoolGradient.positions, offset: 0 }]
        : []),
    ],
    flops: flopsOf(spec),
  });
}

/** Of `resizeNearest`. Operands `gradient`, `output`. */
export function resizeNearestGradient(spec: ResizeSpec): Kernel {
  return defineKernel({
    name: "resize-nearest-gradient",
    opcode: Opcode.ResizeGradient,
    size: ResizeFields.size,
    chunks: spec.batch * spec.inHeight,
    integers: {
      [ResizeFields.batch]: spec.batch,
      [ResizeFields.inHeight]: spec.inHeight,
      [ResizeFields.inWidth]: spec.inWidth,
      [ResizeFields.outHeight]: spec.outHeight,
      [ResizeFields.outWidth]: spec.outWidth,
      [ResizeFields.channels]: spec.channels,
    },
    operands: [
      { operand: "gradient", field: ResizeFields.gradient, offset: 0 },
      { operand: "output", field: ResizeFields.output, offset: 0 },
    ],
    flops: spec.batch * spec.outHeight * spec.outWidth * spec.channels,
  });
}
