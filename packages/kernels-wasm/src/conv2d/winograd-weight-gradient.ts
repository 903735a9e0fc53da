/** Gradient to the weights of a 3×3 convolution with stride 1 by Winograd's transforms: `assembly/winograd-weight-gradient.ts`. */
import { WinogradWeightGradient, WinogradWeightGradientSum } from "../gradient-records.js";
import { defineKernel, type KernelSequence, rowsFor } from "../kernel.js";
import { Opcode, Window } from "../records.js";
import { type Conv2dSpec, conv2dFlops, outputSize } from "./spec.js";
import { CHUNKS, scratchOf, slot, toFour, windowWords } from "./words.js";

/** Places in the transform of a tile, and rows of it. */
const PLACES = 36;
const ROWS = 6;
/** Floats between matrices, as in `assembly/winograd-weight-gradient.ts`. */
const APART = 16;
/** Floats of a row's transforms of a block of tiles. */
const BLOCK_FLOATS = 10 * 1024;
const LEAST_TILES = 16;
const MOST_TILES = 64;
/** Floats of all segments' sums at most, unless one segment has more. */
const MOST_SUMS = 1 << 19;
/** Outputs of a chunk at least, where they are cut up for want of segments: each makes the input's transform anew. */
const LEAST_OUTPUTS = 32;
/** Floats that a chunk of the second step adds up. */
const SUM_FLOATS = 32 * 1024;

/** Operands as `conv2dWeightGradient`'s, without a bias. */
export function winogradWeightGradient(spec: Conv2dSpec): KernelSequence {
  const { batch, inChannels, outChannels } = spec;
  const [height, width] = outputSize(spec);
  const tiles = batch * Math.ceil(height / 4) * Math.ceil(width / 4);
  const columns = Math.ceil(inChannels / 8) * 8;
  const segmentFloats = PLACES * (toFour(outChannels) * columns + APART);
  const most = Math.min(
    Math.ceil(CHUNKS / ROWS),
    Math.floor(MOST_SUMS / segmentFloats),
    Math.floor(tiles / LEAST_TILES),
  );
  const segmentTiles = Math.ceil(tiles / Math.max(1, most));
  const segments = Math.ceil(tiles / segmentTiles);
  const wanted = Math.ceil(CHUNKS / 2 / (ROWS * segments));
  const parts = Math.max(1, Math.min(wanted, Math.floor(outChannels / LEAST_OUTPUTS)));
  const blockOutputs = toFour(Math.ceil(outChannels / parts));
  const fitting = toFour(rowsFor(BLOCK_FLOATS, ROWS * (columns + blockOutputs)));
  const blockTiles = Math.min(MOST_TILES, Math.max(LEAST_TILES, fitting));
  const zeros = Math.ceil(Math.max(inChannels, blockOutputs) / 8) * 8;
  const floats = zeros + ROWS * (blockTiles * (columns + blockOutputs) + 2 * APART);
  const kernel = defineKernel({
    name: "conv2d weight gradient, winograd",
    opcode: Opcode.WinogradWeightGradient,
    size: WinogradWeightGradient.size,
    chunks: ROWS * segments * Math.ceil(outChannels / blockOutputs),
    integers: {
      ...windowWords(spec, spec),
      [WinogradWeightGradient.inChannels]: inChannels,
      [WinogradWeightGradient.outChannels]: outChannels,
      [WinogradWeightGradient.segmentTiles]: segmentTiles,
      [WinogradWeightGradient.blockTiles]: blockTiles,
      [WinogradWeightGradient.blockOutputs]: blockOutputs,
    },
    operands: [
      slot("input", Window.input, spec.inOffset),
      slot("gradient", Window.output, spec.outOffset),
      slot("scratch", WinogradWeightGradient.partial),
    ],
    scratch: { field: WinogradWeightGradient.scratch, bytes: scratchOf(floats * 4) },
    flops: conv2dFlops(spec),
  });
  const chunkOutputs = rowsFor(SUM_FLOATS, PLACES * inChannels * segments);
  const sum = defineKernel({
    name: "conv2d weight gradient, winograd, sum",
    opcode: Opcode.WinogradWeightGradientSum,
    size: WinogradWeightGradientSum.size,
    chunks: Math.ceil(outChannels / chunkOutputs),
    integers: {
      [WinogradWeightGradientSum.segments]: segments,
      [WinogradWeightGradientSum.outputs]: outChannels,
      [WinogradWeightGradientSum.channels]: inChannels,
      [WinogradWeightGradientSum.chunkOutputs]: chunkOutputs,
    },
    operands: [
      slot("scratch", WinogradWeightGradientSum.partial),
      slot("gradWeight", WinogradWeightGradientSum.weight),
    ],
    scratch: { field: WinogradWeightGradientSum.scratch, bytes: scratchOf(18 * 16) },
    flops: segmentFloats * segments,
  });
  return { kernels: [kernel, sum], scratchLength: segments * segmentFloats };
}
