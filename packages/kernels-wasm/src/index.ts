export type { Activation } from "./activation.js";
export {
  type BatchNormSpec,
  batchNorm,
  batchNormInferenceGradient,
  batchNormInputGradient,
  batchNormParameterGradients,
  batchNormTraining,
} from "./batchnorm.js";
export {
  type Conv2dKernel,
  type Conv2dVariant,
  type Conv2dWeights,
  conv2d,
  conv2dVariant,
  conv2dVariants,
  depthwisePoint,
  fitsDepthwise,
} from "./conv2d/convolution.js";
export { type Conv2dInputGradient, conv2dInputGradient } from "./conv2d/input-gradient.js";
export { conv2dPacking } from "./conv2d/packing.js";
export { type Conv2dResidual, type Conv2dSpec, conv2dFlops, outputSize } from "./conv2d/spec.js";
export { conv2dWeightGradient } from "./conv2d/weight-gradient.js";
export {
  type DeformSpec,
  deformInputGradient,
  deformOffsetGradient,
  deformSample,
} from "./deform.js";
export { type AxisTaps, type ImageInputSpec, imageInput, packTaps, tentTaps } from "./image.js";
export {
  dropoutMask,
  gatherElements,
  type IndexedSpec,
  oneHot,
  type SparseSpec,
  scatterAdd,
  sparseMatmul,
  sparseRows,
} from "./indexed.js";
export {
  encodeProgram,
  type Kernel,
  type KernelSequence,
  marksLength,
  type OperandSlot,
  type ProgramStep,
  SLACK_BYTES,
  TEAM_BYTES,
  threadBytes,
} from "./kernel.js";
export {
  argExtreme,
  cumulativeSum,
  type LineSpec,
  type PadSpec,
  padAxis,
  padAxisGradient,
  sort,
  type WordType,
} from "./lines.js";
export {
  type MatmulSpec,
  matmul,
  type PanelsSpec,
  packPanels,
  panels,
  panelsLength,
} from "./matmul.js";
export {
  compileKernels,
  instantiateKernels,
  MEMORY_PAGES,
  type WasmExports,
  type WasmType,
} from "./module.js";
export { type GatherSpec, gather, type TriangleSpec, triangle } from "./moves.js";
export {
  type CopySpec,
  copy,
  type PointwiseSpec,
  pointwise,
  type ResizeSpec,
  resizeNearest,
  softmax,
} from "./pointwise.js";
export { type PoolSpec, pool, type SizedPool } from "./pool.js";
export {
  type InterpolateSpec,
  interpolateValuesGradient,
  interpolateVertices,
  interpolateWeightsGradient,
  type RasterSpec,
  rasterBounds,
  rasterize,
  rasterizeGradient,
} from "./raster.js";
export { Team } from "./records.js";
export {
  type SampledAxis,
  type SampledResizeSpec,
  sampledResize,
  sampledResizeGradient,
} from "./sampled-resize.js";
export * from "./training/index.js";
