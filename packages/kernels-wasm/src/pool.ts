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

/** Operands `input`, `output`. */
export function pool(spec: PoolSpec): Kernel {
  const [height, width] = outputSize(spec);
  const { outHeight = height, outWidth = width, batch, channels, kernelSize } = spec;
  const pixels = rowsFor(8192, channels * kernelSize[0] * kernelSize[1]);
  return defineKernel({
    name: spec.kind === "max" ? "max-pool" : "average-pool",
    opcode: Opcode.Pool,
    size: Pool.size,
    chunks: Math.ceil((batch * outHeight * outWidth) / pixels),
    integers: {
      [Window.batch]: batch,
      [Window.inHeight]: spec.inHeight,
      [Window.inWidth]: spec.inWidth,
      [Window.inStride]: channels,
      [Window.outHeight]: outHeight,
      [Window.outWidth]: outWidth,
      [Window.outStride]: channels,
      [Window.kernelHeight]: kernelSize[0],
      [Window.kernelWidth]: kernelSize[1],
      [Window.strideY]: spec.stride[0],
      [Window.strideX]: spec.stride[1],
      [Window.padTop]: spec.padding[0],
      [Window.padLeft]: spec.padding[2],
      [Window.dilationY]: spec.dilation[0],
      [Window.dilationX]: spec.dilation[1],
      [Pool.channels]: channels,
      [Pool.kind]: spec.kind === "max" ? PoolKind.max : PoolKind.average,
      [Pool.countFrom]: spec.countPadding ? -(2 ** 30) : 0,
      [Pool.countBelow]: spec.inHeight + (spec.countPadding ? spec.padding[1] : 0),
      [Pool.countRight]: spec.inWidth + (spec.countPadding ? spec.padding[3] : 0),
      [Pool.chunkPixels]: pixels,
    },
    operands: [
      { operand: "input", field: Window.input, offset: 0 },
      { operand: "output", field: Window.output, offset: 0 },
    ],
    flops: batch * outHeight * outWidth * channels * kernelSize[0] * kernelSize[1],
  });
}
