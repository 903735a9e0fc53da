export { type Conv2dBenchCase, conv2dBenchCases } from "./bench-cases.js";
export { conv2d, conv2dVariants } from "./forward/conv2d.js";
export {
  type DepthwisePoint,
  depthwisePoint,
  fitsDepthwisePoint,
  suitsDepthwisePoint,
} from "./forward/depthwise-point.js";
export { joinedConv2d } from "./forward/join.js";
export { offerMeasuredConv2d } from "./forward/measured.js";
export {
  fitsSeveralPoints,
  MOST_POINT_MAPS,
  type SeveralPoints,
  severalPoints,
  suitsSeveralPoints,
} from "./forward/several-points.js";
export {
  conv2dBackwardInput,
  conv2dBackwardInputVariants,
} from "./input-gradient/conv2d-backward-input.js";
export {
  bindConv2d,
  type Conv2dActivation,
  type Conv2dDispatch,
  type Conv2dLaunch,
  type Conv2dOperand,
  type Conv2dParts,
  type Conv2dResidual,
  type Conv2dSecond,
  type Conv2dSpec,
  Conv2dSpecError,
  type Conv2dTraits,
  conv2dBytes,
  conv2dFlops,
  conv2dOutputSize,
  type StorageType,
} from "./shared/spec.js";
export {
  conv2dBackwardWeight,
  conv2dBackwardWeightVariants,
} from "./weight-gradient/conv2d-backward-weight.js";
export type {
  ChainedWeightGradient,
  Conv2dWeightGradient,
  SlicedWeightGradient,
} from "./weight-gradient/weight-gradient.js";
export { CPU_WINOGRAD } from "./winograd/forward.js";
