/**
 * Which kernel convolves, and its record.
 *
 * - `depthwise`: each channel by itself.
 * - `winograd`: 3×3 with stride 1 where there are channels enough to pay for the transforms.
 * - `product`: everything else. Also offered with a depthwise convolution before it, made chunk by
 *   chunk.
 */
import { tailOf } from "../activation.js";
import { defineKernel, type Kernel, type OperandSlot, rowsFor } from "../kernel.js";
import { Conv, Depthwise, Opcode, Rows } from "../records.js";
import {
  depthwiseBiases,
  depthwiseWeights,
  PANEL,
  packBiases,
  packDepthwise,
  packProduct,
  packWinograd,
  productBiases,
  productWeights,
  winogradWeights,
} from "./pack.js";
import { type Conv2dSpec, conv2dFlops, isDepthwise, outputSize } from "./spec.js";
import {
  CHUNK_FLOATS,
  CHUNKS,
  chunkPixels,
  operandsOf,
  residualWords,
  scratchOf,
  slot,
  toFour,
  windowWords,
} from "./words.js";

export type Conv2dVariant = "product" | "winograd" | "depthwise";

/** Weights and biases of one convolution: OIHW, and one for each output channel. */
export interface Conv2dWeights {
  readonly weight: Float32Array;
  readonly bias: Float32Array | undefined;
}

/** A convolution: operands `input`, `output`, `packed` and, where the spec has one, `residual`. */
export interface Conv2dKernel extends Kernel {
  readonly variant: string;
  /** Floats of the operand `packed`. */
  readonly packedLength: number;
  /** Lays out weights: of the depthwise convolution first where there is one. */
  readonly pack: (...weights: readonly Conv2dWeights[]) => Float32Array;
}

/** Channels from which F(4×4, 3×3) is taken: times are in the header of `assembly/winograd.ts`. */
const WINOGRAD_CHANNELS = 8;

/** The kernel that the chooser takes. */
export function conv2dVariant(spec: Conv2dSpec): Conv2dVariant {
  if (isDepthwise(spec)) return "depthwise";
  return takesWinograd(spec) ? "winograd" : "product";
}

/** Whether Winograd's transforms pay. */
export function takesWinograd(spec: Conv2dSpec): boolean {
  return (
    winogradFits(spec) &&
    spec.inChannels >= WINOGRAD_CHANNELS &&
    spec.outChannels >= WINOGRAD_CHANNELS
  );
}

/** All that can do it. */
export function conv2dVariants(spec: Conv2dSpec): Conv2dVariant[] {
  const variants: Conv2dVariant[] = ["product"];
  if (winogradFits(spec)) variants.push("winograd");
  if (isDepthwise(spec)) variants.push("depthwise");
  return variants;
}

function winogradFits({ kernelSize, stride, dilation, groups }: Conv2dSpec): boolean {
  return groups === 1 && [...kernelSize, ...stride, ...dilation].join() === "3,3,1,1,1,1";
}

/** A convolution by the chooser's variant, or another that can do it. */
export function conv2d(spec: Conv2dSpec, variant = conv2dVariant(spec)): Conv2dKernel {
  if (variant === "depthwise") return depthwise(spec);
  return variant === "winograd" ? winograd(spec) : product(spec);
}

function product(spec: Conv2dSpec): Conv2dKernel {
  const { kernelSize, stride, padding, groups, inChannels } = spec;
  const direct = [...kernelSize, ...stride, ...padding].join() === "1,1,1,1,0,0,0,0";
  const rows = direct ? Rows.direct : Rows.patches;
  const depth = (inChannels / groups) * kernelSize[0] * kernelSize[1];
  const weights = productWeights(spec);
  return {
    ...multiplication(spec, { rows, depth, at: 0, window: spec }),
    variant: direct ? "product, pixels" : "product, patches",
    packedLength: weights + productBiases(spec),
    pack: ({ weight, bias }) => {
      const packed = new Float32Array(weights + productBiases(spec));
      packProduct(spec, weight, packed);
      packBiases(spec, bias, packed.subarray(weights));
      return packed;
    },
  };
}

/** Whether `point` can take its rows from `depthwise` without these going through memory. */
export function fitsDepthwise(depthwise: Conv2dSpec, point: Conv2dSpec): boolean {
  const { kernelSize, stride, padding, groups, inStride = point.inChannels } = point;
  return (
    isDepthwise(depthwise) &&
    !depthwise.residual &&
    inStride === depthwise.outChannels &&
    groups === 1 &&
    [...kernelSize, ...stride, ...padding].join() === "1,1,1,1,0,0,0,0"
  );
}

/**
 * A depthwise convolution and the 1×1 that reads it, in one step. @param point must `fitsDepthwise`
 */
export function depthwisePoint(first: Conv2dSpec, point: Conv2dSpec): Conv2dKernel {
  const tapped = depthwiseWeights(first) + depthwiseBiases(first);
  const weights = productWeights(point);
  const rows = Rows.depthwise;
  const { tail, slope } = tailOf(first.activation);
  const kernel = multiplication(point, {
    rows,
    depth: point.inChannels,
    at: tapped,
    window: first,
    integers: { [Conv.depthwiseTail]: tail },
    floats: { [Conv.depthwiseSlope]: slope },
    operands: [
      slot("packed", Conv.depthwiseWeights),
      slot("packed", Conv.depthwiseBias, depthwiseWeights(first)),
    ],
  });
  return {
    ...kernel,
    name: "depthwise and conv2d",
    flops: conv2dFlops(first) + conv2dFlops(point),
    variant: "product, depthwise",
    packedLength: tapped + weights + productBiases(point),
    pack: (depthwise, pointwise) => {
      const packed = new Float32Array(tapped + weights + productBiases(point));
      packDepthwise(first, depthwise.weight, packed);
      if (depthwise.bias) packed.set(depthwise.bias, depthwiseWeights(first));
      packProduct(point, pointwise.weight, packed.subarray(tapped));
      packBiases(point, pointwise.bias, packed.subarray(tapped + weights));
      return packed;
    },
  };
}

interface Multiplication {
  readonly rows: Rows;
  readonly depth: number;
  /** Where the product's weights begin in `packed`, in floats. */
  readonly at: number;
  /** Whose kernel, stride and padding lie over the input. */
  readonly window: Conv2dSpec;
  readonly integers?: Record<number, number>;
  readonly floats?: Record<number, number>;
  readonly operands?: readonly OperandSlot[];
}

function multiplication(spec: Conv2dSpec, how: Multiplication): Kernel {
  const { rows, depth, at, window } = how;
  const [height, width] = outputSize(window);
  const total = spec.batch * height * width;
  const pixels = chunkPixels(depth, total);
  const table = Math.ceil((pixels * 4) / 16) * 16;
  const made = rows === Rows.direct ? 0 : pixels * depth * 4;
  const { tail, slope } = tailOf(spec.activation);
  return defineKernel({
    name: "conv2d",
    opcode: Opcode.Conv,
    size: Conv.size,
    chunks: Math.ceil(total / pixels),
    integers: {
      ...windowWords(window, spec),
      ...residualWords(spec, Conv.residual),
      [Conv.groups]: spec.groups,
      [Conv.inChannels]: spec.inChannels / spec.groups,
      [Conv.outChannels]: spec.outChannels / spec.groups,
      [Conv.depth]: depth,
      [Conv.rows]: rows,
      [Conv.chunkPixels]: pixels,
      [Conv.tail]: tail,
      ...how.integers,
    },
    floats: { [Conv.slope]: slope, ...how.floats },
    operands: [
      ...operandsOf(window, spec, Conv.residual),
      slot("packed", Conv.weights, at),
      slot("packed", Conv.bias, at + productWeights(spec)),
      ...(how.operands ?? []),
    ],
    scratch: { field: Conv.scratch, bytes: scratchOf(table + made) },
    flops: conv2dFlops(spec),
  });
}

/**
 * Tiles of 4×4 pixels of a chunk: their 36 transforms and products stay in the second-level cache.
 */
const WINOGRAD_FLOATS = 96 * 1024;
/** Tiles of a chunk at least: each chunk reads all 36 matrices of weights. */
const LEAST_TILES = 12;
const MOST_TILES = 64;

function winograd(spec: Conv2dSpec): Conv2dKernel {
  const { inChannels, outChannels, batch } = spec;
  const [height, width] = outputSize(spec);
  const across = Math.ceil(inChannels / 4) * 4 + Math.ceil(outChannels / PANEL) * PANEL;
  const all = batch * Math.ceil(height / 4) * Math.ceil(width / 4);
  const fitting = Math.floor(rowsFor(WINOGRAD_FLOATS, across * 36) / 4) * 4;
  const shared = Math.min(MOST_TILES, toFour(all / CHUNKS));
  const tiles = Math.max(LEAST_TILES, Math.min(fitting, shared));
  // The window at the border, a column, then 36 of each; `assembly/winograd.ts` cuts it up.
  const floats = 36 * inChannels + 36 * 4 + 16 + (tiles * across + 32) * 36;
  const { tail, slope } = tailOf(spec.activation);
  const weights = winogradWeights(spec);
  const kernel = defineKernel({
    name: "conv2d",
    opcode: Opcode.Winograd,
    size: Conv.size,
    chunks: Math.ceil(all / tiles),
    integers: {
      ...windowWords(spec, spec),
      ...residualWords(spec, Conv.residual),
      [Conv.groups]: 1,
      [Conv.inChannels]: inChannels,
      [Conv.outChannels]: outChannels,
      [Conv.chunkPixels]: tiles,
      [Conv.tail]: tail,
    },
    floats: { [Conv.slope]: slope },
    operands: [
      ...operandsOf(spec, spec, Conv.residual),
      slot("packed", Conv.weights),
      slot("packed", Conv.bias, weights),
    ],
    scratch: { field: Conv.scratch, bytes: scratchOf(floats * 4) },
    flops: conv2dFlops(spec),
  });
  return {
    ...kernel,
    variant: "winograd",
    packedLength: weights + productBiases(spec),
    pack: ({ weight, bias }) => {
      const packed = new Float32Array(weights + productBiases(spec));
      packWinograd(spec, weight, packed);
      packBiases(spec, bias, packed.subarray(weights));
      return packed;
    },
  };
}

function depthwise(spec: Conv2dSpec): Conv2dKernel {
  const [height, width] = outputSize(spec);
  const pixels = Math.max(width, rowsFor(CHUNK_FLOATS, spec.inChannels));
  const { tail, slope } = tailOf(spec.activation);
  const weights = depthwiseWeights(spec);
  const packedLength = weights + depthwiseBiases(spec);
  const kernel = defineKernel({
    name: "depthwise",
    opcode: Opcode.Depthwise,
    size: Depthwise.size,
    chunks: Math.ceil((spec.batch * height * width) / pixels),
    integers: {
      ...windowWords(spec, spec),
      ...residualWords(spec, Depthwise.residual),
      [Depthwise.channels]: spec.inChannels,
      [Depthwise.chunkPixels]: pixels,
      [Depthwise.tail]: tail,
    },
    floats: { [Depthwise.slope]: slope },
    operands: [
      ...operandsOf(spec, spec, Depthwise.residual),
      slot("packed", Depthwise.weights),
      slot("packed", Depthwise.bias, weights),
    ],
    flops: conv2dFlops(spec),
  });
  return {
    ...kernel,
    variant: "depthwise",
    packedLength,
    pack: ({ weight, bias }) => {
      const packed = new Float32Array(packedLength);
      packDepthwise(spec, weight, packed);
      if (bias) packed.set(bias, weights);
      return packed;
    },
  };
}
