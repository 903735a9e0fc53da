export {
  closeDevices,
  closeWorker,
  type TerminableWorker,
} from "@retinaface-webgpu/tensor/inference";
export { readBytes, toRawImage } from "#platform";
export { type AlignTemplate, ARCFACE_TEMPLATE, alignFace } from "./align.js";
export { parseClassNames, parseDetectorConfig } from "./config.js";
export {
  type FinderSpec,
  findFaces,
  type HeadValues,
  type LevelValues,
} from "./cpu/face-finder.js";
export { findObjects } from "./cpu/object-finder.js";
export { type CropOptions, cropFace } from "./crop/crop.js";
export { facePose, type Pose } from "./crop/pose.js";
export { sharpness } from "./crop/sharpness.js";
export {
  type AnchorShape,
  anchorCount,
  anchorShapes,
  priorBoxes,
  priorBoxesAt,
} from "./decode/anchors.js";
export { decodeBoxes, decodeLandmarks, LANDMARK_COORDINATES } from "./decode/codec.js";
export { CODECS, type Codec, encodeBoxes, encodeLandmarks } from "./decode/encode.js";
export { hasLandmarks } from "./decode/face.js";
export { labelsOf, marginsOf, probabilityOf } from "./decode/margin.js";
export { nms } from "./decode/nms.js";
export { type PostprocessInput, postprocess, visible } from "./decode/postprocess.js";
export type { Frame } from "./decode/rows.js";
export { resolveThresholds } from "./decode/thresholds.js";
export type { Backend, BackendChoice } from "./detect/backend.js";
export * from "./detect/detector.js";
export type { DetectFilesOptions, FileResult } from "./detect/files.js";
export { type DetectedObject, Detector } from "./detect/objects.js";
export type * from "./detect/options.js";
export { FaceStream } from "./detect/stream.js";
export { mirrorBackFaces, passesOf, TEST_TIME } from "./detect/test-time.js";
export type { StageTimings, Timings } from "./detect/timings.js";
export { votedClass, voteFaces } from "./detect/voting.js";
export { type AnnotateOptions, annotate } from "./draw/annotate.js";
export { type Colour, fillDisc, fillRect, strokeRect } from "./draw/canvas.js";
export { drawLettering, endOf, LETTER_HEIGHT, letteringWidth } from "./draw/lettering.js";
export {
  AlignError,
  ImageError,
  type ImageErrorCode,
  NumericError,
  OptionError,
  ReadError,
  RetinaFaceError,
} from "./errors.js";
export { escapeText } from "./escape.js";
export { FaceFinder, type FaceFinderSpec, type HeadLevel } from "./gpu/face-finder.js";
export { type FeedTarget, ImageFeed } from "./gpu/image-feed.js";
export { UploadBuffer } from "./gpu/upload.js";
export { networkSize, parseScale, scaleFactor, type WantedSides } from "./image/fit.js";
export { type ImageFormat, sniffFormat } from "./image/format.js";
export type { BytesSource, ImageInput } from "./image/input.js";
export { MIRRORED_LANDMARKS, mirroredImage, mirrorImage } from "./image/mirror.js";
export {
  DEFAULT_MAX_BYTES,
  DEFAULT_MAX_PIXELS,
  type DecodeOptions,
  type ImageLimits,
} from "./image/raw.js";
export { resizeBilinear } from "./image/resize.js";
export * from "./model/index.js";
export { type RedactOptions, type RedactStyle, redact } from "./redact/redact.js";
export { linearAssignment, type Pair } from "./track/assignment.js";
export type { OneEuroOptions } from "./track/one-euro.js";
export { overlap } from "./track/overlap.js";
export type { TrackedFace } from "./track/track.js";
export { FaceTrackStream, type TrackStreamOptions } from "./track/track-stream.js";
export { FaceTracker, type TrackOptions, type TrackUpdate } from "./track/tracker.js";
export {
  type KernelTuner,
  type KernelTuning,
  type MeasureOptions,
  measureKernels,
} from "./tune/measure-kernels.js";
export {
  type AnchorConfig,
  DEFAULT_CONFIG,
  DEFAULT_THRESHOLDS,
  type DetectorConfig,
  type Face,
  type FaceMesh,
  LANDMARK_NAMES,
  type Landmarks,
  LEAST_MESH_SIDE,
  type Point,
  type RawImage,
  type Thresholds,
} from "./types.js";
export { CONFIG_KEY, readCheckpointConfig, storeThresholds } from "./weights/config.js";
export * from "./weights/index.js";
export { readWeights, weightsOf } from "./weights/open.js";
export type { Weights } from "./weights/weights.js";
