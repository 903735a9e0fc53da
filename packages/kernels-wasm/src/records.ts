/**
 * How a step is written down for the WebAssembly side: words of 4 bytes, integers unless said
 * otherwise. `assembly/` compiles this very file, so that both sides have one list. Addresses are
 * bytes in linear memory; strides and widths count floats. A record's first field follows the four
 * of `Head`, or the 17 more of `Window`.
 */

/** What a step computes. */
export enum Opcode {
  End = 0,
  Conv = 1,
  Depthwise = 2,
  Winograd = 3,
  Pool = 4,
  Pointwise = 5,
  Resize = 6,
  Copy = 7,
  Softmax = 8,
  Image = 9,
  PackProduct = 20,
  PackDepthwise = 21,
  PackWinograd = 22,
  StridedInputGradient = 23,
  DepthwiseInputGradient = 24,
  WeightGradient = 25,
  DepthwiseWeightGradient = 26,
  WeightGradientSum = 27,
  BatchNormStatistics = 28,
  BatchNormNormalize = 29,
  BatchNormSums = 30,
  BatchNormInputGradient = 31,
  BatchNormInferenceGradient = 32,
  WinogradWeightGradient = 33,
  WinogradWeightGradientSum = 34,
  ElementMap = 50,
  Reduce = 51,
  ReduceMerge = 52,
  RowLoss = 53,
  Mining = 54,
  Optimizer = 55,
  PoolPositions = 56,
  PoolGradient = 57,
  ResizeGradient = 58,
  MatchBoxes = 59,
  SimOtaClaims = 60,
  SimOtaLabels = 61,
  Panels = 70,
  Matmul = 71,
  Gather = 72,
  Triangle = 73,
  Sort = 74,
  CumulativeSum = 75,
  ArgExtreme = 76,
  Pad = 77,
  PadGradient = 78,
  GatherElements = 79,
  ScatterAdd = 80,
  SparseProduct = 81,
  SparseRows = 82,
  OneHot = 83,
  DropoutMask = 84,
  SampledResize = 85,
  SampledResizeGradient = 86,
  DeformSample = 90,
  DeformInputGradient = 91,
  DeformOffsetGradient = 92,
  RasterBounds = 100,
  Rasterize = 101,
  RasterizeGradient = 102,
  InterpolateVertices = 103,
  InterpolateWeightsGradient = 104,
  InterpolateValuesGradient = 105,
}

/**
 * Added to the opcode of a step that may run while those before it are unfinished: threads go on to it
 * without waiting for each other.
 */
export const JOINS = 256;

/** The first words of every step. */
export enum Head {
  /** Words of the record, this one included. */
  words,
  opcode,
  /** The next chunk to be taken; 0 before and after a run. */
  next,
  chunks,
  size,
}

/** Words of a team's place in memory, which has a line of the cache for itself. */
export enum Team {
  arrived,
  generation,
  /** Where threads take down the time, or 0: see `marksLength`. */
  marks,
  /** Bytes from one thread's marks to the next's. */
  marksBytes,
}

/** What is done to a sum before it is stored. */
export enum Tail {
  none = 0,
  /** max(x, 0). */
  relu = 1,
  /** x where positive, else slope·x, for slopes in 0 … 1. */
  leaky = 2,
  /** The same for any slope. */
  anySlope = 3,
  /** 1 / (1 + e^−x). */
  sigmoid = 4,
}

/** Where a residual is added. */
export enum ResidualOrder {
  beforeActivation = 0,
  afterActivation = 1,
}

/** Geometry that convolutions and pools share. */
export enum Window {
  input = 4,
  output,
  batch,
  inHeight,
  inWidth,
  inStride,
  outHeight,
  outWidth,
  outStride,
  kernelHeight,
  kernelWidth,
  strideY,
  strideX,
  padTop,
  padLeft,
  dilationY,
  dilationX,
  size,
}

/** How rows of `A` come to the product. */
export enum Rows {
  /** The input's pixels are the rows: 1×1, stride 1, no padding. */
  direct = 0,
  /** The pixels under the kernel, copied side by side. */
  patches = 1,
  /** A depthwise convolution of the input, made as they are needed. */
  depthwise = 2,
}

/** Convolution as a product of rows and packed panels of 8 columns. */
export enum Conv {
  weights = 21,
  bias,
  groups,
  /** Of one group. */
  inChannels,
  /** Of one group. */
  outChannels,
  /** Terms of each sum. */
  depth,
  rows,
  /** Pixels of a chunk, a multiple of 4. */
  chunkPixels,
  /** A thread's own memory, and its bytes. */
  scratch,
  scratchBytes,
  tail,
  /** f32. */
  slope,
  /** 0 for none. */
  residual,
  residualOrder,
  residualHeight,
  residualWidth,
  residualStride,
  /** Of `Rows.depthwise`. */
  depthwiseWeights,
  depthwiseBias,
  depthwiseTail,
  /** f32. */
  depthwiseSlope,
  size,
}

/** A depthwise convolution of its own, and pools (without weights). */
export enum Depthwise {
  weights = 21,
  bias,
  channels,
  tail,
  /** f32. */
  slope,
  residual,
  residualOrder,
  residualHeight,
  residualWidth,
  residualStride,
  chunkPixels,
  size,
}

export enum PoolKind {
  max = 0,
  average = 1,
}

export enum Pool {
  channels = 21,
  kind,
  /**
   * Averages divide by the taps from this row and column on that lie above and left of the next
   * two.
   */
  countFrom,
  countBelow,
  countRight,
  chunkPixels,
  size,
}

/** Element by element over rows of `width`. */
export enum PointwiseKind {
  /** tail(a). */
  tail = 0,
  /** tail(a + b). */
  add = 1,
  /** tail(a · b). */
  multiply = 2,
  /** tail(a − b). */
  subtract = 3,
  /** tail(a · scale[i] + shift[i]), i the position in the row. */
  affine = 4,
}

export enum Pointwise {
  a = 4,
  /** The second operand; of `affine` the scales, then the shifts. */
  b,
  output,
  rows,
  width,
  /** Rows of `b`: as many as of `a`, or 1 that serves all. */
  bRows,
  kind,
  tail,
  /** f32. */
  slope,
  chunkRows,
  size,
}

/** Nearest neighbour. */
export enum Resize {
  input = 4,
  output,
  batch,
  inHeight,
  inWidth,
  outHeight,
  outWidth,
  channels,
  outStride,
  size,
}

/** Rows of `width` from one stride to another. */
export enum Copy {
  input = 4,
  output,
  rows,
  width,
  inStride,
  outStride,
  chunkRows,
  size,
}

/** Over rows of `width`. */
export enum Softmax {
  input = 4,
  output,
  rows,
  width,
  chunkRows,
  size,
}

/** RGBA bytes to BGR floats minus a mean, resized. */
export enum Image {
  source = 4,
  output,
  sourceWidth,
  sourceHeight,
  width,
  height,
  /** An entry a column, `Taps.size` words, then an entry a row; then the weights, f32. */
  taps,
  /** f32. */
  meanB,
  meanG,
  meanR,
  chunkRows,
  scratch,
  scratchBytes,
  size,
}

/** Which samples make one: their first, their number and where their weights begin. */
export enum Taps {
  first,
  count,
  weights,
  size,
}
