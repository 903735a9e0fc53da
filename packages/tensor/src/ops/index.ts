export { chunk, repeat, stack } from "./arrange.js";
export { type AttentionOptions, scaledDotProductAttention } from "./attention.js";
export {
  type BatchNormLayer,
  type BatchNormResult,
  type BatchNormTensors,
  batchNorm,
  batchNormLeakyRelu,
  batchNormTraining,
  type RunningUpdate,
  updateRunningStatistics,
} from "./batchnorm/forward.js";
export {
  add,
  div,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  mul,
  pow,
  prelu,
  sub,
} from "./binary/forward.js";
export { type Conv2dParams, conv2d } from "./conv2d/forward.js";
export { type ConvTranspose2dParams, convTranspose2d } from "./conv2d/transposed.js";
export { arange, eye, full, ones, type RandomOptions, rand, randn } from "./create.js";
export { type DeformConv2dParams, deformConv2d } from "./deform/forward.js";
export { type DropoutAttrs, dropout } from "./dropout.js";
export { einsum } from "./einsum.js";
export type { ConvolutionAttrs, FusionKind, FusionTraits } from "./fusion.js";
export { gather, gatherElements, scatterAdd, scatterAddElements } from "./gather/forward.js";
export {
  binaryCrossEntropyWithLogits,
  type CrossEntropyOptions,
  crossEntropy,
  type FocalOptions,
  type LossOptions,
  l1Loss,
  mseLoss,
  type Reduction,
  type SmoothL1Options,
  sigmoidFocalLoss,
  smoothL1Loss,
} from "./losses/forward.js";
export { type MatmulOptions, matmul } from "./matmul/forward.js";
export {
  broadcastTo,
  cast,
  concat,
  flatten,
  flip,
  narrow,
  permute,
  reshape,
  type SliceRange,
  slice,
  split,
  transpose,
} from "./movement/forward.js";
export { oneHot } from "./one-hot.js";
export { defineOp, type Op } from "./op.js";
export { type PadOptions, pad } from "./pad/forward.js";
export {
  type AvgPoolOptions,
  avgPool,
  globalAvgPool,
  maxPool,
  maxPoolWithPositions,
  type PoolOptions,
} from "./pool/forward.js";
export {
  type Fragments,
  interpolateVertices,
  type RasterizeOptions,
  rasterize,
} from "./raster/forward.js";
export {
  argmax,
  argmin,
  max,
  mean,
  min,
  prod,
  type ReduceOptions,
  sum,
  sumSquares,
} from "./reduce/forward.js";
export { sumTo } from "./reduce/sum-to.js";
export { type ResizeOptions, resizeBilinear, resizeNearest } from "./resize/forward.js";
export { cumsum } from "./scan/forward.js";
export { where } from "./select/forward.js";
export { logSoftmax, softmax } from "./softmax/forward.js";
export {
  argsort,
  type Sorted,
  type SortOptions,
  sort,
  type TopkOptions,
  topk,
} from "./sort/forward.js";
export { type SparseCsr, sparseMatmul } from "./sparse/forward.js";
export type { Gradient, Grads, OpRun, OpSpec } from "./spec.js";
export {
  type Affine,
  groupNorm,
  layerNorm,
  logSumExp,
  type NormalizeOptions,
  type NormOptions,
  norm,
  normalize,
  type VarianceOptions,
  variance,
} from "./statistics.js";
export { tril, triu } from "./triangle/forward.js";
export {
  abs,
  addScalar,
  ceil,
  clamp,
  cos,
  elu,
  erf,
  exp,
  expm1,
  floor,
  type GeluOptions,
  gelu,
  leakyRelu,
  log,
  log1p,
  mulScalar,
  neg,
  powScalar,
  reciprocal,
  relu,
  round,
  rsqrt,
  type SeluOptions,
  selu,
  sigmoid,
  sign,
  sin,
  softplus,
  softsign,
  sqrt,
  square,
  tanh,
  type UnaryAttrs,
} from "./unary/forward.js";
