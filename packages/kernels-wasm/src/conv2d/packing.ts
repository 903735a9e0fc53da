/**
 * Packing as a step of its own, for weights that change between runs: training packs them anew each time.
 */

import { Pack } from "../gradient-records.js";
import { defineKernel, type Kernel } from "../kernel.js";
import { Opcode } from "../records.js";
import { type Conv2dVariant, conv2dVariant } from "./convolution.js";
import { depthwiseWeights, PANEL, productWeights, winogradWeights } from "./pack.js";
import type { Conv2dSpec } from "./spec.js";
import { slot } from "./words.js";

/** Where in OIHW a kernel's weights lie. Strides count floats. */
export interface WeightOrder {
  readonly groupStride: number;
  /** From one of the kernel's output channels to the next. */
  readonly columnStride: number;
  /** From one of its input channels to the next. */
  readonly channelStride: number;
  readonly taps: readonly [down: number, across: number];
  readonly tapFirst: number;
  readonly tapStride: readonly [y: number, x: number];
}

/** Of the convolution itself. */
function forwardOrder({ inChannels, outChannels, groups, kernelSize }: Conv2dSpec): WeightOrder {
  const [height, width] = kernelSize;
  const columnStride = (inChannels / groups) * height * width;
  return {
    groupStride: (outChannels / groups) * columnStride,
    columnStride,
    channelStride: height * width,
    taps: kernelSize,
    tapFirst: 0,
    tapStride: [width, 1],
  };
}

/**
 * Packs what `conv2d(spec, variant)` reads as `packed`. Operands `weight` (OIHW), with `bias` also `bias`
 * (`[outChannels]`), and `packed`, which is written from end to end.
 */
export function conv2dPacking(
  spec: Conv2dSpec,
  options: { readonly bias?: boolean } = {},
  variant: Conv2dVariant = conv2dVariant(spec),
): Kernel {
  return packingOf(spec, variant, forwardOrder(spec), { ...options, at: 0 });
}

const OPCODES = {
  product: Opcode.PackProduct,
  winograd: Opcode.PackWinograd,
  depthwise: Opcode.PackDepthwise,
} as const;

/**
 * Packs the weights of a convolution that lie in some order.
 *
 * @param spec of the kernel that reads them; of its `kernelSize` only the taps of `order` are packed
 * @param at first float of `packed`; `withoutBias`: no room for biases follows the weights
 */
export function packingOf(
  spec: Conv2dSpec,
  variant: Conv2dVariant,
  order: WeightOrder,
  to: { readonly bias?: boolean; readonly at: number },
): Kernel {
  const packedSpec = { ...spec, kernelSize: order.taps };
  const depthwise = variant === "depthwise";
  const groups = depthwise ? 1 : spec.groups;
  const columns = spec.outChannels / groups;
  const weights = {
    product: productWeights,
    winograd: winogradWeights,
    depthwise: depthwiseWeights,
  }[variant](packedSpec);
  return defineKernel({
    name: `pack ${variant}`,
    opcode: OPCODES[variant],
    size: Pack.size,
    chunks: depthwise ? 1 : groups * Math.ceil(columns / PANEL),
    integers: {
      [Pack.groups]: groups,
      [Pack.columns]: columns,
      [Pack.channels]: spec.inChannels / spec.groups,
      [Pack.groupStride]: order.groupStride,
      [Pack.columnStride]: order.columnStride,
      [Pack.channelStride]: order.channelStride,
      [Pack.tapsDown]: order.taps[0],
      [Pack.tapsAcross]: order.taps[1],
      [Pack.tapFirst]: order.tapFirst,
      [Pack.tapStrideY]: order.tapStride[0],
      [Pack.tapStrideX]: order.tapStride[1],
    },
    operands: [
      slot("weight", Pack.weight),
      ...(to.bias ? [slot("bias", Pack.bias)] : []),
      slot("packed", Pack.packed, to.at),
      slot("packed", Pack.packedBias, to.at + weights),
    ],
    flops: 0,
  });
}
