export { anchorCount, priorBoxes } from "./anchors.js";
export { decodeBoxes, decodeLandmarks, encodeBoxes, encodeLandmarks } from "./codec.js";
export {
  AlignError,
  ImageError,
  type ImageErrorCode,
  NumericError,
  OptionError,
  RetinaFaceError,
} from "./errors.js";
export * from "./model/index.js";
export { nms } from "./nms.js";
export {
  type Frame,
  type PostprocessInput,
  postprocess,
  resolveThresholds,
  visible,
} from "./postprocess.js";
export {
  type AnchorConfig,
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  type DetectorConfig,
  type Face,
  LANDMARK_NAMES,
  type Landmarks,
  type Point,
  type RawImage,
  type Thresholds,
} from "./types.js";
export * from "./weights/index.js";
