import { defineKernel, type Kernel } from "../kernel.js";
import type { ResizeSpec } from "../pointwise.js";
import { countedTaps, poolChunks, poolFlops, poolWindow, type SizedPool } from "../pool.js";
import { Opcode, Window } from "../records.js";
import {
  PoolGradient,
  PoolGradientKind,
  PoolPositions,
  ResizeGradient as ResizeFields,
} from "./records.js";

/** Channels that one chunk of a gradient adds to: a line of a processor's cache. */
const CHANNELS = 16;

/**
 * The largest under each window, and where it was: row · width + column, of the first of equal ones.
 * Operands `input`, `output`, `positions` (i32).
 */
export function maxPoolPositions(spec: SizedPool): Kernel {
  const { pixels, chunks } = poolChunks(spec);
  return defineKernel({
    name: "max-pool-positions",
    opcode: Opcode.PoolPositions,
    size: PoolPositions.size,
    chunks,
    integers: {
      ...poolWindow(spec),
      [PoolPositions.channels]: spec.channels,
      [PoolPositions.chunkPixels]: pixels,
    },
    operands: [
      { operand: "input", field: Window.input, offset: 0 },
      { operand: "output", field: Window.output, offset: 0 },
      { operand: "positions", field: PoolPositions.positions, offset: 0 },
    ],
    flops: poolFlops(spec),
  });
}

/** Operands `gradient` (of the output), `output` (of the input) and, for largest ones, `positions`. */
export function poolGradient(spec: SizedPool): Kernel {
  const { batch, channels, kind } = spec;
  const counted = countedTaps(spec);
  return defineKernel({
    name: `${kind}-pool-gradient`,
    opcode: Opcode.PoolGradient,
    size: PoolGradient.size,
    chunks: batch * Math.ceil(channels / CHANNELS),
    integers: {
      ...poolWindow(spec),
      [PoolGradient.channels]: channels,
      [PoolGradient.kind]: PoolGradientKind[kind],
      [PoolGradient.chunkChannels]: CHANNELS,
      [PoolGradient.countFrom]: counted.from,
      [PoolGradient.countBelow]: counted.below,
      [PoolGradient.countRight]: counted.right,
    },
    operands: [
      { operand: "output", field: Window.input, offset: 0 },
      { operand: "gradient", field: Window.output, offset: 0 },
      ...(kind === "max"
        ? [{ operand: "positions", field: PoolGradient.positions, offset: 0 }]
        : []),
    ],
    flops: poolFlops(spec),
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
