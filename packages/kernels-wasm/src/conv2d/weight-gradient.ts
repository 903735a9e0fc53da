/** Gradients of a convolution towards its weights and biases. */

import { DepthwiseWeightGradient, WeightGradient, WeightGradientSum } from "../gradient-records.js";
import {
  defineKernel,
  type Kernel,
  type KernelSequence,
  type OperandSlot,
  rowsFor,
} from "../kernel.js";
import { Opcode, Rows, Window } from "../records.js";
import { takesWinograd } from "./convolution.js";
import { type Conv2dSpec, conv2dFlops, isDepthwise, outputSize } from "./spec.js";
import { winogradWeightGradient } from "./winograd-weight-gradient.js";
import { CHUNK_FLOATS, CHUNKS, scratchOf, slot, toFour, windowWords } from "./words.js";

/** Pixels of a segment at least: less would not pay for adding the segments up. */
const SEGMENT_PIXELS = 64;
/** Floats of all segments' sums at most, unless one segment has more: they are written and read once more. */
const MOST_SUMS = 1 << 18;
/** Pixels that are multiplied at once, at least and at most. */
const LEAST_PIXELS = 16;
const MOST_PIXELS = 256;
/** Floats of sums from which on a chunk takes one row of the kernel. */
const SPLIT_SUMS = 1 << 12;
/** Floats that a chunk adds up. */
const SUM_FLOATS = 32 * 1024;

/**
 * Operands `input`, `gradient` (of the output), `gradWeight` (OIHW), with `bias` also `gradBias`
 * (`[outChannels]`), and `scratch`. The spec's activation and residual are ignored.
 */
export function conv2dWeightGradient(
  spec: Conv2dSpec,
  options: { readonly bias?: boolean } = {},
): KernelSequence {
  const bias = options.bias === true;
  if (isDepthwise(spec)) return depthwise(spec, bias);
  return !bias && takesWinograd(spec) ? winogradWeightGradient(spec) : products(spec, bias);
}

/** How a product is cut up; the same whatever the number of threads. */
interface Cut {
  readonly rows: Rows;
  readonly segments: number;
  readonly segmentPixels: number;
  readonly blockPixels: number;
  readonly blockRows: number;
  readonly blocks: number;
  readonly blockWidth: number;
  readonly blockOutputs: number;
}

function cutOf(spec: Conv2dSpec): Cut {
  const { kernelSize, stride, padding, groups, batch } = spec;
  const [height, width] = outputSize(spec);
  const pixels = batch * height * width;
  const channels = spec.inChannels / groups;
  const outputs = toFour(spec.outChannels / groups);
  const direct = [...kernelSize, ...stride, ...padding].join() === "1,1,1,1,0,0,0,0";
  const split = outputs * kernelSize[0] * kernelSize[1] * channels >= SPLIT_SUMS;
  const blockRows = split ? 1 : kernelSize[0];
  const blocks = Math.ceil(kernelSize[0] / blockRows);
  const columns = blockRows * kernelSize[1] * channels;
  const blockWidth = Math.ceil(columns / 8) * 8;
  const sums = groups * outputs * blocks * blockWidth;
  const most = Math.min(
    Math.ceil(CHUNKS / blocks),
    Math.floor(MOST_SUMS / sums),
    Math.floor(pixels / SEGMENT_PIXELS),
  );
  const segmentPixels = Math.ceil(pixels / Math.max(1, most));
  const segments = Math.ceil(pixels / segmentPixels);
  const parts = Math.min(Math.ceil(CHUNKS / 2 / (segments * blocks)), outputs / 4);
  const fitting = rowsFor(CHUNK_FLOATS, columns);
  return {
    rows: direct ? Rows.direct : Rows.patches,
    segments,
    segmentPixels,
    blockPixels: Math.max(LEAST_PIXELS, Math.min(MOST_PIXELS, fitting)),
    blockRows,
    blocks,
    blockWidth,
    blockOutputs: toFour(Math.ceil(outputs / parts)),
  };
}

function products(spec: Conv2dSpec, bias: boolean): KernelSequence {
  const { groups } = spec;
  const cut = cutOf(spec);
  const channels = spec.inChannels / groups;
  const outputs = spec.outChannels / groups;
  const rowStride = cut.blocks * cut.blockWidth;
  const segmentStride = groups * toFour(outputs) * rowStride;
  const biasStride = groups * toFour(outputs);
  const made = cut.blockPixels * cut.blockRows * spec.kernelSize[1] * channels;
  const bytes = scratchOf(cut.rows === Rows.direct ? 0 : made * 4);
  const parts = Math.ceil(outputs / cut.blockOutputs);
  const partialBias = cut.segments * segmentStride;
  const kernel = defineKernel({
    name: "conv2d weight gradient",
    opcode: Opcode.WeightGradient,
    size: WeightGradient.size,
    chunks: cut.segments * cut.blocks * parts,
    integers: {
      ...windowWords(spec, spec),
      [WeightGradient.groups]: groups,
      [WeightGradient.inChannels]: channels,
      [WeightGradient.outChannels]: outputs,
      [WeightGradient.rows]: cut.rows,
      [WeightGradient.segments]: cut.segments,
      [WeightGradient.segmentPixels]: cut.segmentPixels,
      [WeightGradient.blockPixels]: cut.blockPixels,
      [WeightGradient.blockRows]: cut.blockRows,
      [WeightGradient.blockWidth]: cut.blockWidth,
      [WeightGradient.blockOutputs]: cut.blockOutputs,
    },
    operands: [
      ...gradientOperands(spec),
      slot("scratch", WeightGradient.partial),
      ...(bias ? [slot("scratch", WeightGradient.partialBias, partialBias)] : []),
    ],
    scratch: { field: WeightGradient.scratch, bytes },
    flops: conv2dFlops(spec),
  });
  const sum = sumKernel({
    name: "conv2d weight gradient, sum",
    operands: [
      slot("scratch", WeightGradientSum.partial),
      slot("gradWeight", WeightGradientSum.weight),
      ...(bias
        ? [
            slot("scratch", WeightGradientSum.partialBias, partialBias),
            slot("gradBias", WeightGradientSum.bias),
          ]
        : []),
    ],
    kernelSize: spec.kernelSize,
    segments: cut.segments,
    segmentStride,
    biasStride,
    groups,
    outputs,
    channels,
    blockRows: cut.blockRows,
    blockWidth: cut.blockWidth,
    rowStride,
    tapStride: channels,
  });
  return { kernels: [kernel, sum], scratchLength: partialBias + cut.segments * biasStride };
}

/** Rows of the output in a segment: enough to be worth it. */
const DEPTHWISE_FLOATS = 8 * 1024;

function depthwise(spec: Conv2dSpec, bias: boolean): KernelSequence {
  const [height, width] = outputSize(spec);
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  const channels = spec.inChannels;
  const tapStride = toFour(channels);
  const rows = spec.batch * height;
  const segmentRows = Math.max(
    rowsFor(DEPTHWISE_FLOATS, width * channels),
    Math.ceil(rows / CHUNKS),
  );
  const segments = Math.ceil(rows / segmentRows);
  const segmentStride = (taps + 1) * tapStride;
  const kernel = defineKernel({
    name: "depthwise weight gradient",
    opcode: Opcode.DepthwiseWeightGradient,
    size: DepthwiseWeightGradient.size,
    chunks: segments,
    integers: {
      ...windowWords(spec, spec),
      [DepthwiseWeightGradient.channels]: channels,
      [DepthwiseWeightGradient.segmentRows]: segmentRows,
    },
    operands: [...gradientOperands(spec), slot("scratch", DepthwiseWeightGradient.partial)],
    flops: conv2dFlops(spec),
  });
  // To the sums it is one output of as many channels; the biases are a tap of their own.
  const sum = (operand: string, from: number, kernelSize: Conv2dSpec["kernelSize"]) =>
    sumKernel({
      name: "depthwise weight gradient, sum",
      operands: [
        slot("scratch", WeightGradientSum.partial, from),
        slot(operand, WeightGradientSum.weight),
      ],
      kernelSize,
      segments,
      segmentStride,
      biasStride: 0,
      groups: 1,
      outputs: 1,
      channels,
      blockRows: kernelSize[0],
      blockWidth: 0,
      rowStride: 0,
      tapStride,
    });
  const kernels = [kernel, sum("gradWeight", 0, spec.kernelSize)];
  if (bias) kernels.push(sum("gradBias", taps * tapStride, [1, 1]));
  return { kernels, scratchLength: segments * segmentStride };
}

function gradientOperands({ inOffset = 0, outOffset = 0 }: Conv2dSpec): OperandSlot[] {
  return [slot("input", Window.input, inOffset), slot("gradient", Window.output, outOffset)];
}

/** What segments have, and how it is added up. Strides count floats. */
interface Sums {
  readonly name: string;
  readonly operands: readonly OperandSlot[];
  readonly kernelSize: Conv2dSpec["kernelSize"];
  readonly segments: number;
  readonly segmentStride: number;
  readonly biasStride: number;
  readonly groups: number;
  readonly outputs: number;
  readonly channels: number;
  readonly blockRows: number;
  readonly blockWidth: number;
  readonly rowStride: number;
  readonly tapStride: number;
}

function sumKernel(sums: Sums): Kernel {
  const { groups, outputs, channels, kernelSize, segments } = sums;
  const row = channels * kernelSize[0] * kernelSize[1];
  const chunkOutputs = rowsFor(SUM_FLOATS, row * segments);
  return defineKernel({
    name: sums.name,
    opcode: Opcode.WeightGradientSum,
    size: WeightGradientSum.size,
    chunks: Math.ceil((groups * outputs) / chunkOutputs),
    integers: {
      [WeightGradientSum.segments]: segments,
      [WeightGradientSum.segmentStride]: sums.segmentStride,
      [WeightGradientSum.biasStride]: sums.biasStride,
      [WeightGradientSum.groups]: groups,
      [WeightGradientSum.outputs]: outputs,
      [WeightGradientSum.channels]: channels,
      [WeightGradientSum.kernelHeight]: kernelSize[0],
      [WeightGradientSum.kernelWidth]: kernelSize[1],
      [WeightGradientSum.blockRows]: sums.blockRows,
      [WeightGradientSum.blockWidth]: sums.blockWidth,
      [WeightGradientSum.rowStride]: sums.rowStride,
      [WeightGradientSum.tapStride]: sums.tapStride,
      [WeightGradientSum.chunkOutputs]: chunkOutputs,
    },
    operands: sums.operands,
    flops: groups * outputs * row * segments,
  });
}
