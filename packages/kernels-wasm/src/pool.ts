import { type Conv2dSpec, outputSize } from "./conv2d/spec.js";
import { defineKernel, type Kernel, rowsFor } from "./kernel.js";
import { Opcode, Pool, PoolKind, Window } from "./records.js";

/** Windows over NHWC images; `outHeight` and `outWidth` where a last, partial window counts. */
export interface PoolSpec
  extends Pick<
    Conv2dSpec,
    "batch" | "inHeight" | "inWidth" | "kernelSize" | "stride" | "dilation" | "padding"
  > {
  readonly channels: number;
  readonly kind: "max" | "average";
  /** Averages count what lies in the padding as zeros, or leave it out. */
  readonly countPadding?: boolean;
  readonly outHeight?: number;
  readonly outWidth?: number;
}

/** A pool whose output's size is known. */
export type SizedPool = PoolSpec & { readonly outHeight: number; readonly outWidth: number };

/** Where a padding's zeros count, no tap is too far out. */
const FAR = -(2 ** 30);

/** Geometry of a pool's windows. */
export function poolWindow(spec: SizedPool): Record<number, number> {
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

/** Rows and columns whose taps an average counts: from `from` on, rows before `below`, columns before `right`. */
export function countedTaps({ inHeight, inWidth, padding, countPadding }: PoolSpec) {
  return {
    from: countPadding ? FAR : 0,
    below: inHeight + (countPadding ? padding[1] : 0),
    right: inWidth + (countPadding ? padding[3] : 0),
  };
}

/** An operation for each tap. */
export function poolFlops({ batch, outHeight, outWidth, channels, kernelSize }: SizedPool): number {
  return batch * outHeight * outWidth * channels * kernelSize[0] * kernelSize[1];
}

/** How the windows' pixels are cut into chunks. */
export function poolChunks({ batch, outHeight, outWidth, channels, kernelSize }: SizedPool) {
  const pixels = rowsFor(8192, channels * kernelSize[0] * kernelSize[1]);
  return { pixels, chunks: Math.ceil((batch * outHeight * outWidth) / pixels) };
}

/** Operands `input`, `output`. */
export function pool(spec: PoolSpec): Kernel {
  const [height, width] = outputSize(spec);
  const sized = { ...spec, outHeight: spec.outHeight ?? height, outWidth: spec.outWidth ?? width };
  const { pixels, chunks } = poolChunks(sized);
  const counted = countedTaps(spec);
  return defineKernel({
    name: spec.kind === "max" ? "max-pool" : "average-pool",
    opcode: Opcode.Pool,
    size: Pool.size,
    chunks,
    integers: {
      ...poolWindow(sized),
      [Pool.channels]: spec.channels,
      [Pool.kind]: spec.kind === "max" ? PoolKind.max : PoolKind.average,
      [Pool.countFrom]: counted.from,
      [Pool.countBelow]: counted.below,
      [Pool.countRight]: counted.right,
      [Pool.chunkPixels]: pixels,
    },
    operands: [
      { operand: "input", field: Window.input, offset: 0 },
      { operand: "output", field: Window.output, offset: 0 },
    ],
    flops: poolFlops(sized),
  });
}
