/**
 * Gradient of a convolution towards its input, which is also the transposed convolution.
 *
 * Without strides it is a convolution of the gradient with mirrored kernels, input and output channels
 * exchanged: the same kernels as forward, Winograd's too. With strides it goes by phases
 * (`assembly/input-gradient.ts`).
 */

import { Phase, StridedGradient } from "../gradient-records.js";
import { defineKernel, type Kernel, type OperandSlot, rowsFor } from "../kernel.js";
import { Opcode, Window } from "../records.js";
import { conv2d, conv2dVariant } from "./convolution.js";
import { depthwiseBiases, depthwiseWeights, PANEL, productBiases, productWeights } from "./pack.js";
import { packingOf, type WeightOrder } from "./packing.js";
import { type Conv2dSpec, conv2dFlops, isDepthwise, outputSize } from "./spec.js";
import { CHUNK_FLOATS, residualWords, scratchOf, slot } from "./words.js";

/** What computes an input gradient. */
export interface Conv2dInputGradient {
  /** Steps that pack the weights, anywhere before. Operands `weight` (OIHW), `packed`. */
  readonly packing: readonly Kernel[];
  /** Floats of the operand `packed`. */
  readonly packedLength: number;
  /**
   * Operands `gradient` (of the output), `packed`, `output` (the gradient of the input) and, where something is
   * added, `residual` of the output's shape.
   */
  readonly kernels: readonly Kernel[];
}

/**
 * @param spec of the convolution; its activation and residual are ignored. Slices (`inStride` and so on) are of
 * the tensors' gradients.
 */
export function conv2dInputGradient(
  spec: Conv2dSpec,
  options: { readonly adds?: boolean } = {},
): Conv2dInputGradient {
  const transposed = transposedSpec(spec, options.adds === true);
  const plain = spec.stride[0] === 1 && spec.stride[1] === 1;
  if (plain) return mirrored(spec, transposed);
  return isDepthwise(spec) ? stridedDepthwise(spec, transposed) : strided(spec, transposed);
}

/** The convolution without strides from the output's gradient to the input's. */
function transposedSpec(spec: Conv2dSpec, adds: boolean): Conv2dSpec {
  const [outHeight, outWidth] = outputSize(spec);
  const { kernelSize, dilation, padding, inHeight, inWidth, inChannels, outChannels } = spec;
  const reach = [dilation[0] * (kernelSize[0] - 1), dilation[1] * (kernelSize[1] - 1)];
  const top = reach[0] - padding[0];
  const left = reach[1] - padding[2];
  return {
    batch: spec.batch,
    inHeight: outHeight,
    inWidth: outWidth,
    inChannels: outChannels,
    outChannels: inChannels,
    kernelSize,
    stride: [1, 1],
    dilation,
    padding: [
      top,
      inHeight - outHeight - top + reach[0],
      left,
      inWidth - outWidth - left + reach[1],
    ],
    groups: spec.groups,
    activation: { kind: "none" },
    inStride: spec.outStride ?? outChannels,
    inOffset: spec.outOffset ?? 0,
    outStride: spec.inStride ?? inChannels,
    outOffset: spec.inOffset ?? 0,
    residual: adds ? { order: "before-activation", height: inHeight, width: inWidth } : undefined,
  };
}

/** The order of transposed weights; mirrored unless one picks the taps oneself. */
function transposedOrder(spec: Conv2dSpec): WeightOrder {
  const [height, width] = spec.kernelSize;
  const taps = height * width;
  const inPerGroup = spec.inChannels / spec.groups;
  return {
    groupStride: (spec.outChannels / spec.groups) * inPerGroup * taps,
    columnStride: taps,
    channelStride: inPerGroup * taps,
    taps: spec.kernelSize,
    tapFirst: taps - 1,
    tapStride: [-width, -1],
  };
}

/** The same kernel for an operand of another name. */
function renamed(kernel: Kernel): Kernel {
  const operands = kernel.operands.map((each) =>
    each.operand === "input" ? { ...each, operand: "gradient" } : each,
  );
  return { ...kernel, name: `${kernel.name} input gradient`, operands };
}

function mirrored(spec: Conv2dSpec, transposed: Conv2dSpec): Conv2dInputGradient {
  const variant = conv2dVariant(transposed);
  const kernel = conv2d(transposed, variant);
  return {
    packing: [packingOf(transposed, variant, transposedOrder(spec), { at: 0 })],
    packedLength: kernel.packedLength,
    kernels: [renamed(kernel)],
  };
}

interface AxisPhase {
  readonly count: number;
  readonly first: number;
  readonly step: number;
  readonly shift: number;
  readonly dilation: number;
}

/** For each remainder of a coordinate by the stride, the taps that reach it. */
function phasesOf(spec: Conv2dSpec, axis: 0 | 1): AxisPhase[] {
  const stride = spec.stride[axis];
  const dilation = spec.dilation[axis];
  const before = spec.padding[axis * 2];
  const all = Array.from({ length: spec.kernelSize[axis] }, (_, tap) => tap);
  return Array.from({ length: stride }, (_, remainder) => {
    const taps = all.filter((tap) => (remainder + before - tap * dilation) % stride === 0);
    const [first = 0, second = first] = taps;
    const step = second - first;
    return {
      count: taps.length,
      first,
      step,
      shift: Math.floor((remainder + before - first * dilation) / stride),
      dilation: (step * dilation) / stride,
    };
  });
}

/** Words of the two axes, and where each pair's weights begin. */
function phaseWords(spec: Conv2dSpec, begins: readonly number[]): Record<number, number> {
  const phases = [...phasesOf(spec, 0), ...phasesOf(spec, 1)];
  const words: Record<number, number> = {};
  for (const [i, phase] of phases.entries()) {
    const at = StridedGradient.size + i * Phase.size;
    words[at + Phase.count] = phase.count;
    words[at + Phase.first] = phase.first;
    words[at + Phase.step] = phase.step;
    words[at + Phase.shift] = phase.shift;
    words[at + Phase.dilation] = phase.dilation;
  }
  const places = StridedGradient.size + phases.length * Phase.size;
  for (const [i, begin] of begins.entries()) words[places + i] = begin;
  return words;
}

interface StridedParts {
  readonly name: string;
  readonly opcode: Opcode;
  readonly begins: readonly number[];
  readonly groups: number;
  readonly chunkPixels: number;
  readonly scratchBytes: number;
}

function stridedKernel(spec: Conv2dSpec, transposed: Conv2dSpec, parts: StridedParts): Kernel {
  const { stride, groups } = spec;
  const phaseCount = stride[0] + stride[1];
  const { begins, scratchBytes } = parts;
  const bytes = scratchOf(scratchBytes);
  const operands: OperandSlot[] = [
    slot("gradient", Window.input, transposed.inOffset),
    slot("output", Window.output, transposed.outOffset),
    slot("packed", StridedGradient.weights),
    ...(transposed.residual ? [slot("residual", StridedGradient.residual)] : []),
  ];
  return defineKernel({
    name: parts.name,
    opcode: parts.opcode,
    size: StridedGradient.size + phaseCount * Phase.size + begins.length,
    chunks: spec.batch * spec.inHeight,
    integers: {
      [Window.batch]: spec.batch,
      [Window.inHeight]: transposed.inHeight,
      [Window.inWidth]: transposed.inWidth,
      [Window.inStride]: transposed.inStride!,
      [Window.outHeight]: spec.inHeight,
      [Window.outWidth]: spec.inWidth,
      [Window.outStride]: transposed.outStride!,
      [Window.kernelHeight]: spec.kernelSize[0],
      [Window.kernelWidth]: spec.kernelSize[1],
      [Window.strideY]: stride[0],
      [Window.strideX]: stride[1],
      ...residualWords(transposed, StridedGradient.residual),
      [StridedGradient.groups]: parts.groups,
      [StridedGradient.inChannels]: spec.inChannels / groups,
      [StridedGradient.outChannels]: spec.outChannels / groups,
      [StridedGradient.chunkPixels]: parts.chunkPixels,
      ...phaseWords(spec, begins),
    },
    operands,
    scratch: { field: StridedGradient.scratch, bytes },
    flops: conv2dFlops(spec),
  });
}

function strided(spec: Conv2dSpec, transposed: Conv2dSpec): Conv2dInputGradient {
  const order = transposedOrder(spec);
  const width = spec.kernelSize[1];
  const packing: Kernel[] = [];
  const begins: number[] = [];
  let packedLength = 0;
  let mostTaps = 1;
  for (const row of phasesOf(spec, 0)) {
    for (const column of phasesOf(spec, 1)) {
      const taps = [row.count, column.count] as const;
      begins.push(packedLength);
      if (taps[0] * taps[1] === 0) continue;
      const tapFirst = row.first * width + column.first;
      const tapStride = [row.step * width, column.step] as const;
      const phase = { ...order, taps, tapFirst, tapStride };
      packing.push(packingOf(transposed, "product", phase, { at: packedLength }));
      const packed = { ...transposed, kernelSize: taps };
      packedLength += productWeights(packed) + productBiases(packed);
      mostTaps = Math.max(mostTaps, taps[0] * taps[1]);
    }
  }
  const depth = mostTaps * (spec.outChannels / spec.groups);
  const pixels = Math.max(PANEL, Math.min(rowsFor(CHUNK_FLOATS, depth), spec.inWidth));
  const table = Math.ceil((pixels * 4) / 16) * 16;
  const kernel = stridedKernel(spec, transposed, {
    name: "conv2d input gradient, strided",
    opcode: Opcode.StridedInputGradient,
    begins,
    groups: spec.groups,
    chunkPixels: pixels,
    scratchBytes: table + pixels * depth * 4,
  });
  return { packing, packedLength, kernels: [kernel] };
}

function stridedDepthwise(spec: Conv2dSpec, transposed: Conv2dSpec): Conv2dInputGradient {
  const [height, width] = spec.kernelSize;
  const order = { ...transposedOrder(spec), columnStride: height * width };
  const unmirrored = { ...order, tapFirst: 0, tapStride: [width, 1] as const };
  const kernel = stridedKernel(spec, transposed, {
    name: "depthwise input gradient, strided",
    opcode: Opcode.DepthwiseInputGradient,
    begins: [],
    groups: spec.groups,
    chunkPixels: 1,
    scratchBytes: height * width * 8,
  });
  return {
    packing: [packingOf(transposed, "depthwise", unmirrored, { at: 0 })],
    packedLength: depthwiseWeights(spec) + depthwiseBiases(spec),
    kernels: [kernel],
  };
}
