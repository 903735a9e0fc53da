/** Runs programs: steps one after the other, each shared by all threads of a team. */
import { Head, JOINS, Opcode } from "../src/records";
import { inferenceGradientChunk, inputGradientChunk, normalizeChunk } from "./batchnorm";
import { statisticsChunk, sumsChunk } from "./batchnorm-sums";
import { convChunk } from "./conv";
import {
  deformInputGradientChunk,
  deformOffsetGradientChunk,
  deformSampleChunk,
} from "./deform";
import { depthwiseChunk } from "./depthwise";
import { depthwiseGradientChunk } from "./depthwise-input-gradient";
import { depthwiseWeightGradientChunk } from "./depthwise-weight-gradient";
import { imageChunk } from "./image";
import {
  dropoutMaskChunk,
  gatherElementsChunk,
  oneHotChunk,
  scatterAddChunk,
  sparseProductChunk,
  sparseRowsChunk,
} from "./indexed";
import { stridedGradientChunk } from "./input-gradient";
import { argExtremeChunk, cumulativeSumChunk, sortChunk } from "./lines";
import { matmulChunk, panelsChunk } from "./matmul";
import { gatherChunk, triangleChunk } from "./moves";
import { packDepthwiseChunk, packProductChunk, packWinogradChunk } from "./pack";
import { copyChunk, pointwiseChunk, resizeChunk, softmaxChunk } from "./pointwise";
import { padChunk, padGradientChunk } from "./padding";
import { poolChunk } from "./pool";
import {
  boundsChunk,
  interpolateChunk,
  interpolateValuesGradientChunk,
  interpolateWeightsGradientChunk,
  rasterizeChunk,
  rasterizeGradientChunk,
} from "./raster";
import { sampledResizeChunk, sampledResizeGradientChunk } from "./sampled-resize";
import { after, mark, marksOf, meet, takeChunk, word } from "./team";
import { weightGradientChunk, weightGradientSumChunk } from "./weight-gradient";
import {
  winogradWeightGradientChunk,
  winogradWeightGradientSumChunk,
} from "./winograd-weight-gradient";
import { mapChunk } from "./training/map";
import { matchBoxesChunk } from "./training/match-boxes";
import { simOtaClaimsChunk, simOtaLabelsChunk } from "./training/sim-ota";
import { miningChunk } from "./training/mining";
import { optimizerChunk } from "./training/optimizer";
import { poolGradientChunk, poolPositionsChunk } from "./training/pool";
import { reduceChunk, reduceMergeChunk } from "./training/reduce";
import { resizeGradientChunk } from "./training/resize";
import { rowLossChunk } from "./training/rows";
import { winogradChunk } from "./winograd";

/**
 * Takes part in a program; every thread of the team calls this with the same addresses.
 *
 * @param program its steps, the last of `Opcode.End`
 * @param team a line of the cache: `Team`, zeros but where time is taken
 */
export function run(program: usize, team: usize, thread: i32, threads: i32): void {
  let step = program;
  let first = program;
  let marks = mark(marksOf(team, thread));
  while (word(step, Head.opcode) != Opcode.End) {
    const chunks = word(step, Head.chunks);
    for (let chunk = takeChunk(step); chunk < chunks; chunk = takeChunk(step)) {
      runChunk(step, chunk, thread);
    }
    marks = mark(marks);
    step = after(step);
    if ((word(step, Head.opcode) & JOINS) == 0) {
      meet(team, threads, first, step);
      first = step;
    }
    marks = mark(marks);
  }
}

/** Without what is added to it. */
@inline
function opcodeOf(step: usize): i32 {
  return word(step, Head.opcode) & ~JOINS;
}

function runChunk(step: usize, chunk: i32, thread: i32): void {
  switch (opcodeOf(step)) {
    case Opcode.Conv:
      convChunk(step, chunk, thread);
      break;
    case Opcode.Depthwise:
      depthwiseChunk(step, chunk);
      break;
    case Opcode.Winograd:
      winogradChunk(step, chunk, thread);
      break;
    case Opcode.Pool:
      poolChunk(step, chunk);
      break;
    case Opcode.Pointwise:
      pointwiseChunk(step, chunk);
      break;
    case Opcode.Resize:
      resizeChunk(step, chunk);
      break;
    case Opcode.Copy:
      copyChunk(step, chunk);
      break;
    case Opcode.Softmax:
      softmaxChunk(step, chunk);
      break;
    case Opcode.Image:
      imageChunk(step, chunk, thread);
      break;
    default:
      runGradientChunk(step, chunk, thread);
  }
}

/** Steps of training. */
function runGradientChunk(step: usize, chunk: i32, thread: i32): void {
  switch (opcodeOf(step)) {
    case Opcode.PackProduct:
      packProductChunk(step, chunk);
      break;
    case Opcode.PackDepthwise:
      packDepthwiseChunk(step);
      break;
    case Opcode.PackWinograd:
      packWinogradChunk(step, chunk);
      break;
    case Opcode.StridedInputGradient:
      stridedGradientChunk(step, chunk, thread);
      break;
    case Opcode.DepthwiseInputGradient:
      depthwiseGradientChunk(step, chunk, thread);
      break;
    case Opcode.WeightGradient:
      weightGradientChunk(step, chunk, thread);
      break;
    case Opcode.DepthwiseWeightGradient:
      depthwiseWeightGradientChunk(step, chunk);
      break;
    case Opcode.WeightGradientSum:
      weightGradientSumChunk(step, chunk);
      break;
    case Opcode.WinogradWeightGradient:
      winogradWeightGradientChunk(step, chunk, thread);
      break;
    case Opcode.WinogradWeightGradientSum:
      winogradWeightGradientSumChunk(step, chunk, thread);
      break;
    case Opcode.BatchNormStatistics:
      statisticsChunk(step, chunk);
      break;
    case Opcode.BatchNormNormalize:
      normalizeChunk(step, chunk);
      break;
    case Opcode.BatchNormSums:
      sumsChunk(step, chunk);
      break;
    case Opcode.BatchNormInputGradient:
      inputGradientChunk(step, chunk);
      break;
    case Opcode.BatchNormInferenceGradient:
      inferenceGradientChunk(step, chunk);
      break;
    default:
      runTrainingChunk(step, chunk, thread);
  }
}

/** What only training steps have, besides convolutions and batch norm. */
function runTrainingChunk(step: usize, chunk: i32, thread: i32): void {
  switch (opcodeOf(step)) {
    case Opcode.ElementMap:
      mapChunk(step, chunk);
      break;
    case Opcode.Reduce:
      reduceChunk(step, chunk);
      break;
    case Opcode.ReduceMerge:
      reduceMergeChunk(step, chunk);
      break;
    case Opcode.RowLoss:
      rowLossChunk(step, chunk);
      break;
    case Opcode.Mining:
      miningChunk(step, chunk, thread);
      break;
    case Opcode.MatchBoxes:
      matchBoxesChunk(step, chunk);
      break;
    case Opcode.SimOtaClaims:
      simOtaClaimsChunk(step, chunk, thread);
      break;
    case Opcode.SimOtaLabels:
      simOtaLabelsChunk(step, chunk);
      break;
    case Opcode.Optimizer:
      optimizerChunk(step, chunk);
      break;
    case Opcode.PoolPositions:
      poolPositionsChunk(step, chunk);
      break;
    case Opcode.PoolGradient:
      poolGradientChunk(step, chunk);
      break;
    case Opcode.ResizeGradient:
      resizeGradientChunk(step, chunk);
      break;
    default:
      runNetworkChunk(step, chunk);
  }
}

/** Steps of networks other than convolutional ones. */
function runNetworkChunk(step: usize, chunk: i32): void {
  switch (opcodeOf(step)) {
    case Opcode.Panels:
      panelsChunk(step, chunk);
      break;
    case Opcode.Matmul:
      matmulChunk(step, chunk);
      break;
    case Opcode.Gather:
      gatherChunk(step, chunk);
      break;
    case Opcode.Triangle:
      triangleChunk(step, chunk);
      break;
    default:
      runLineChunk(step, chunk);
  }
}

/** Steps along an axis, and by indices. */
function runLineChunk(step: usize, chunk: i32): void {
  switch (opcodeOf(step)) {
    case Opcode.Sort:
      sortChunk(step, chunk);
      break;
    case Opcode.CumulativeSum:
      cumulativeSumChunk(step, chunk);
      break;
    case Opcode.ArgExtreme:
      argExtremeChunk(step, chunk);
      break;
    case Opcode.Pad:
      padChunk(step, chunk);
      break;
    case Opcode.PadGradient:
      padGradientChunk(step, chunk);
      break;
    case Opcode.GatherElements:
      gatherElementsChunk(step, chunk);
      break;
    case Opcode.ScatterAdd:
      scatterAddChunk(step, chunk);
      break;
    case Opcode.SparseProduct:
      sparseProductChunk(step, chunk);
      break;
    case Opcode.SparseRows:
      sparseRowsChunk(step, chunk);
      break;
    case Opcode.OneHot:
      oneHotChunk(step, chunk);
      break;
    case Opcode.DropoutMask:
      dropoutMaskChunk(step, chunk);
      break;
    case Opcode.SampledResize:
      sampledResizeChunk(step, chunk);
      break;
    case Opcode.SampledResizeGradient:
      sampledResizeGradientChunk(step, chunk);
      break;
    default:
      runDeformChunk(step, chunk);
  }
}

/** Samples of deformable convolutions. */
function runDeformChunk(step: usize, chunk: i32): void {
  switch (opcodeOf(step)) {
    case Opcode.DeformSample:
      deformSampleChunk(step, chunk);
      break;
    case Opcode.DeformInputGradient:
      deformInputGradientChunk(step, chunk);
      break;
    case Opcode.DeformOffsetGradient:
      deformOffsetGradientChunk(step, chunk);
      break;
    default:
      runRasterChunk(step, chunk);
  }
}

/** Drawing of triangles. */
function runRasterChunk(step: usize, chunk: i32): void {
  switch (opcodeOf(step)) {
    case Opcode.RasterBounds:
      boundsChunk(step, chunk);
      break;
    case Opcode.Rasterize:
      rasterizeChunk(step, chunk);
      break;
    case Opcode.RasterizeGradient:
      rasterizeGradientChunk(step, chunk);
      break;
    case Opcode.InterpolateVertices:
      interpolateChunk(step, chunk);
      break;
    case Opcode.InterpolateWeightsGradient:
      interpolateWeightsGradientChunk(step, chunk);
      break;
    case Opcode.InterpolateValuesGradient:
      interpolateValuesGradientChunk(step, chunk);
      break;
    default:
      unreachable();
  }
}
