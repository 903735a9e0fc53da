export {
  type BatchNormLayer,
  type BatchNormResult,
  type BatchNormTensors,
  batchNorm,
  batchNormLeakyRelu,
  batchNormTraining,
  type RunningUpdate,
  updateRunningStatistics,
} from "./batchnorm.js";
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
} from "./binary.js";
export { type Conv2dParams, conv2d } from "./conv2d.js";
export * from "./gather.js";
export * from "./losses.js";
export * from "./matmul.js";
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
} from "./movement.js";
export * from "./pad.js";
export {
  type AvgPoolOptions,
  avgPool,
  globalAvgPool,
  maxPool,
  maxPoolWithPositions,
  type PoolOptions,
} from "./pool.js";
export * from "./reduce.js";
export { type ResizeOptions, resizeBilinear, resizeNearest } from "./resize.js";
export * from "./select.js";
export * from "./softmax.js";
export * from "./unary.js";
