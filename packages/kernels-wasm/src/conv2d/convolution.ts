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
import { Conv, Depthwise, Opcode, ResidualOrder, Rows, Window } from "../records.js";
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
  return winogradFits(spec) &&
    spec.inChannels >= WINOGRAD_CHANNELS &&
    spec.outChannels >= WINOGRAD_CHANNELS
    ? "winograd"
    : "product";
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

/**
 * Floats of rows that a chunk makes: half of a first-level cache of 48 KiB, so that they stay there
 * while panel after panel of weights passes. 64→64 channels, 3×3 on 80×80 as a product: 26 ms with
 * 24,576 floats, 14 ms with 6,144; MobileNet-0.25 at 640×640 50 and 46 ms (Xeon model 167, one thread,
 * Node 20.20, 2026-11-29, the fastest of 25 runs of each step).
 */
const CHUNK_FLOATS = 6 * 1024;
/** Pixels of a chunk at most and at least, multiples of a tile's 4 rows. */
const MOST_PIXELS = 128;
const LEAST_PIXELS = 16;
/** Chunks to aim at where there is enough to do: eight threads then end at about the same time. */
const CHUNKS = 32;

const toFour = (value: number): number => Math.ceil(value / 4) * 4;

/** @param width floats of a row @param pixels of all images */
function chunkPixels(width: number, pixels: number): number {
  const fitting = Math.floor(rowsFor(CHUNK_FLOATS, width) / 4) * 4;
  const shared = Math.min(MOST_PIXELS, toFour(pixels / CHUNKS));
  return Math.max(LEAST_PIXELS, Math.min(fitting, shared));
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
      [Conv.scratchBytes]: scratchOf(table + made),
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
      [Conv.scratchBytes]: scratchOf(floats * 4),
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

/** With room for copies that go beyond their end by up to 3 floats. */
function scratchOf(bytes: number): number {
  return Math.ceil(bytes / 64) * 64 + 64;
}

/** @param offset in floats */
function slot(operand: string, field: number, offset = 0): OperandSlot {
  return { operand, field, offset: offset * 4 };
}

/** Geometry of a window that lies over the input, and of the output that is stored. */
function windowWords(window: Conv2dSpec, stored: Conv2dSpec): Record<number, number> {
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
function residualWords({ residual, outChannels }: Conv2dSpec, field: number) {
  if (!residual) return {};
  const before = residual.order === "before-activation";
  return {
    [field + 1]: before ? ResidualOrder.beforeActivation : ResidualOrder.afterActivation,
    [field + 2]: residual.height,
    [field + 3]: residual.width,
    [field + 4]: outChannels,
  };
}

function operandsOf(window: Conv2dSpec, stored: Conv2dSpec, residual: number): OperandSlot[] {
  return [
    slot("input", Window.input, window.inOffset ?? 0),
    slot("output", Window.output, stored.outOffset ?? 0),
    ...(stored.residual ? [slot("residual", residual)] : []),
  ];
}
