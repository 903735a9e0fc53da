/**
 * What steps of training are made of, beside `records.ts` and with its first fields: packing, the gradients
 * of convolutions, batch norm.
 */

/** Weights in OIHW order to a kernel's layout. Strides count floats. */
export enum Pack {
  weight = 4,
  /** 0 for none: zeros are written. */
  bias,
  packed,
  packedBias,
  groups,
  /** Columns of the product, of one group: what the kernel's output has as channels. */
  columns,
  /** Channels that it sums over, of one group. */
  channels,
  groupStride,
  columnStride,
  channelStride,
  tapsDown,
  tapsAcross,
  /** Of the taps' first. */
  tapFirst,
  tapStrideY,
  tapStrideX,
  size,
}

/**
 * Gradient towards the input of a convolution with strides: the window's input is the gradient of
 * the output, its output the gradient of the input. Behind the record: `Phase.size` words for each
 * row of a stride, then for each column, then a word for each pair: where its weights begin.
 */
export enum StridedGradient {
  weights = 21,
  groups,
  /** Of one group, of the convolution's input. */
  inChannels,
  /** Of one group, of the convolution's output. */
  outChannels,
  chunkPixels,
  scratch,
  scratchBytes,
  residual,
  residualOrder,
  residualHeight,
  residualWidth,
  residualStride,
  size,
}

/**
 * The taps that reach input pixels of one remainder by the stride: pixel `stride · t + remainder` has
 * tap `first + i · step` from output pixel `t + shift − i · dilation`.
 */
export enum Phase {
  count,
  first,
  step,
  shift,
  dilation,
  size,
}

/**
 * Products of gradients and patches, summed over a segment of pixels. The window's `output` is the
 * gradient of the output.
 */
export enum WeightGradient {
  /** Sums by segment: groups × outputs, rounded up to 4, × columns. */
  partial = 21,
  /** Sums of the gradient, by segment, or 0. */
  partialBias,
  groups,
  /** Of one group. */
  inChannels,
  /** Of one group. */
  outChannels,
  rows,
  segments,
  segmentPixels,
  /** Pixels that are multiplied at once. */
  blockPixels,
  /** Kernel rows of a block of columns, and its floats, a multiple of 8. */
  blockRows,
  blockWidth,
  /** Outputs of a chunk, a multiple of 4. */
  blockOutputs,
  scratch,
  scratchBytes,
  size,
}

/** Of a depthwise convolution: a segment is some rows of the output. */
export enum DepthwiseWeightGradient {
  /** By segment: taps × channels, rounded up to 4, then the sums of the gradient. */
  partial = 21,
  channels,
  segmentRows,
  size,
}

/** Adds up what segments have, and writes OIHW. */
export enum WeightGradientSum {
  partial = 4,
  /** 0 for none. */
  partialBias,
  weight,
  bias,
  segments,
  /** Floats from one segment to the next, of the weights and of the biases. */
  segmentStride,
  biasStride,
  groups,
  /** Of one group. */
  outputs,
  channels,
  kernelHeight,
  kernelWidth,
  blockRows,
  blockWidth,
  /** Floats from one row of sums to the next, and from one tap to the next. */
  rowStride,
  tapStride,
  /** Outputs of a chunk. */
  chunkOutputs,
  size,
}

/** Winograd's transforms of inputs and gradients, multiplied and summed over a segment of tiles. */
export enum WinogradWeightGradient {
  /** By segment and place in the transform: outputs, rounded up to 4, × channels, rounded up to 8. */
  partial = 21,
  inChannels,
  outChannels,
  segmentTiles,
  /** Tiles that are transformed and multiplied at once. */
  blockTiles,
  /** Outputs of a chunk, a multiple of 4. */
  blockOutputs,
  scratch,
  scratchBytes,
  size,
}

/** Adds up what segments have, transforms it back and writes OIHW. */
export enum WinogradWeightGradientSum {
  partial = 4,
  weight,
  segments,
  outputs,
  channels,
  /** Outputs of a chunk. */
  chunkOutputs,
  scratch,
  scratchBytes,
  size,
}

/** Of a batch norm over rows of channels. */
export enum BatchNorm {
  x = 4,
  mean,
  variance,
  gamma,
  beta,
  /** Of the output: the gradient, or the output itself. */
  y,
  gradient,
  /** What the step writes. */
  output,
  rows,
  channels,
  /** f32. */
  eps,
  /** Whether a leaky ReLU follows. */
  activated,
  /** f32. */
  slope,
  chunkRows,
  /** Two numbers a channel for each segment: means and squares, or sums. */
  partial,
  segments,
  /** Segments that are ready; 0 before and after a run. */
  done,
  /** 0 for none. */
  runningMean,
  runningVariance,
  /** f32. */
  momentum,
  /** f32: n / (n − 1). */
  unbias,
  /** The gradients to gamma and beta. */
  gradGamma,
  gradBeta,
  /** [2, channels]: the same two. */
  sums,
  size,
}
