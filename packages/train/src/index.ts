export { type Clustering, clusterSizes, elbow, type Size, sizeIou } from "./anchors/k-means.js";
export {
  type AnchorRecall,
  anchorRecall,
  bestAnchorIou,
  type PlacedFace,
} from "./anchors/recall.js";
export { type RefineOptions, refineAnchors } from "./anchors/refine.js";
export {
  type AnchorSearch,
  type AnchorSearchOptions,
  type AspectSummary,
  assignAnchors,
  placeFaces,
  plotAnchorSearch,
  searchAnchors,
} from "./anchors/search.js";
export { type ContactSheetOptions, contactSheet, paste } from "./augment/contact-sheet.js";
export {
  createSampler,
  epochOrder,
  type LoadedSample,
  loadSamples,
  type SampleJob,
  type Sampler,
  type SamplerOptions,
  sampleJobs,
} from "./augment/loader.js";
export { RESAMPLE_METHODS, type ResampleMethod, resample } from "./augment/resample.js";
export {
  type AugmentOptions,
  augment,
  type KnownMesh,
  plainAugment,
  type Sample,
  sampleRandom,
  trainingAugment,
} from "./augment/sample.js";
export { parseCoco } from "./data/coco.js";
export {
  DATA_FORMATS,
  type DataFormat,
  type FormatRow,
  formatTableMarkdown,
} from "./data/formats.js";
export { loadImage } from "./data/image.js";
export { withSizes } from "./data/image-size.js";
export { formatJsonl, parseJsonl } from "./data/jsonl.js";
export {
  countClasses,
  type FaceInput,
  type FaceRecord,
  filterFaces,
  formatProblem,
  type ImageSource,
  type Problem,
  type ReadResult,
  RecordBuilder,
} from "./data/record.js";
export { type ClassMap, mapClasses, parseClasses } from "./data/select.js";
export {
  type DataPart,
  holdOutSpec,
  parseDataSpec,
  validationSpec,
} from "./data/spec.js";
export { type SplitOptions, splitRecords } from "./data/split.js";
export { parseVoc, type ResolveVocImage } from "./data/voc.js";
export {
  parseWider,
  parseWiderGroundTruth,
  parseWiderLabels,
  type ResolveImage,
} from "./data/wider.js";
export { Composer, type ViewJob } from "./distill/compose.js";
export { blurAlong, compress, degrade } from "./distill/degrade.js";
export {
  AGREEMENT_DEFAULTS,
  type Agreement,
  type AgreementOptions,
  landmarkError,
  measureAgreement,
  type TaughtPhoto,
} from "./distill/held-out.js";
export { uploadLabels } from "./distill/labels.js";
export {
  DISTILL_DEFAULTS,
  type DistillOptions,
  distillLoss,
  type LabelTensors,
} from "./distill/loss.js";
export { occludeFaces } from "./distill/occlude.js";
export type { Photo, PhotoFace, PhotoSet, TurnSpec } from "./distill/photo.js";
export { buildPyramid, type Pyramid, type RgbImage, toRgb } from "./distill/pyramid.js";
export {
  type BatchSpec,
  batchOf,
  parseRecipe,
  type Recipe,
  recipeSchedule,
  type SourceSpec,
  type StageSpec,
  stageOf,
} from "./distill/recipe.js";
export { parseScored, type ScoredPhoto } from "./distill/scored.js";
export { labelsBySimOta, uploadSimOtaLabels } from "./distill/simota-labels.js";
export { Teacher } from "./distill/teacher.js";
export { fitHead, type HeadFit } from "./distill/turn/fit.js";
export { type Matte, matteAt } from "./distill/turn/matte.js";
export { drawTurn, portraitsOf } from "./distill/turn/portrait.js";
export { type Turn, type TurnedPortrait, turnPortrait } from "./distill/turn/turn.js";
export { DataError, FormatError, NonFiniteLossError } from "./errors.js";
export {
  FACE_SIZES,
  type MeasureAtOptions,
  measureAt,
  type SizeFigures,
  type ThresholdFigures,
} from "./evaluate/by-size.js";
export {
  type CalibrateOptions,
  type Calibration,
  type CalibrationRow,
  calibrateThreshold,
} from "./evaluate/calibrate.js";
export {
  type ComparedImage,
  type ComparedSide,
  type CompareOptions,
  type Comparison,
  compareDetections,
  type ImageChange,
} from "./evaluate/compare.js";
export { type Detect, type Detections, packFaces, takeDetections } from "./evaluate/detections.js";
export {
  type ClassRecall,
  type EvaluatedImage,
  type EvaluateOptions,
  type Evaluation,
  evaluateDetections,
  type ImageFaults,
  type SizeRecall,
} from "./evaluate/evaluate.js";
export type { LandmarkError } from "./evaluate/landmark-error.js";
export { type MatValue, parseMat } from "./evaluate/mat.js";
export {
  averagePrecision,
  bestF1,
  elevenPointAp,
  f1Score,
  type PrPoint,
  precisionRecall,
  recallAtPrecision,
} from "./evaluate/precision-recall.js";
export {
  type RunOptions,
  type RunResult,
  type RunsResult,
  runDetector,
  runDetectors,
} from "./evaluate/run.js";
export {
  type DetectPass,
  detectAtScales,
  detectPasses,
  formatTestScale,
  parseTestScale,
  type ScaleOptions,
  type TestScale,
} from "./evaluate/test-scales.js";
export { type IdentifiedBox, scoreTracks, type TrackingScore } from "./evaluate/tracking.js";
export { voteDetections } from "./evaluate/voting.js";
export {
  evaluateWider,
  parseWiderValidation,
  WIDER_SETTINGS,
  type WiderFiles,
  type WiderImage,
  type WiderResult,
  type WiderSetting,
  widerKey,
} from "./evaluate/wider.js";
export { formatWiderDetections, parseWiderDetections } from "./evaluate/wider-text.js";
export { type Assigner, MATCH_PRESETS, type MatchOptions } from "./objective/assign.js";
export type { BoxLoss } from "./objective/box-loss.js";
export { CASCADE_MATCH, CascadeObjective } from "./objective/cascade.js";
export { DistillObjective } from "./objective/distill.js";
export { type Losses, type LossParts, type LossWeights, weighLosses } from "./objective/losses.js";
export {
  type HeadTargets,
  type MatchFaces,
  matchPriors,
  type Targets,
} from "./objective/match.js";
export {
  MESH_LOSSES,
  MESH_SIZE,
  MESH_WEIGHTS,
  MeshObjective,
  type MeshObjectiveParts,
} from "./objective/mesh.js";
export { type MeshTargetSize, type MeshTargets, meshTargets } from "./objective/mesh-targets.js";
export { selectHardNegatives } from "./objective/mining.js";
export {
  type Classification,
  type HeadLoss,
  type HeadTensors,
  LOSS_PRESETS,
  type LossOptions,
  multiBoxLoss,
  type TargetTensors,
  uploadTargets,
} from "./objective/multibox.js";
export {
  type CompiledObjective,
  MultiBoxObjective,
  type Objective,
  type ObjectiveInput,
} from "./objective/objective.js";
export { type LabelObjective, objectiveOf } from "./objective/of-network.js";
export {
  matchBySimOta,
  type PriorLevels,
  SimOtaObjective,
  uploadForSimOta,
} from "./objective/simota.js";
export { mineHardNegatives } from "./objective/target-mining.js";
export { type FusedFaces, fusePasses } from "./pseudo/fuse.js";
export { type PseudoLabel, pseudoLabel } from "./pseudo/labels.js";
export { chance, seededRandom } from "./random.js";
export { metricsCsv } from "./report/metrics-csv.js";
export {
  factTable as reportFacts,
  reportPage,
  section as reportSection,
  table as reportTable,
} from "./report/page.js";
export {
  precisionRecallPlot,
  type ReportData,
  type ReportImage,
  renderReport,
  type StepFigures,
  type ValidationFigures,
} from "./report/report.js";
export { type Axis, type LinePlot, linePlot, type Mark, type Series } from "./report/svg.js";
export { eventFileStart, type Scalar, scalarEvents } from "./report/tensorboard.js";
export {
  AUTO_FREEZE_BATCHES,
  chooseFrozen,
  describeGradients,
  type PartGradient,
  type PartGradients,
  partGradients,
} from "./trainer/auto-freeze.js";
export { type BackboneWeights, backboneAlone, loadBackbone } from "./trainer/backbone-alone.js";
export {
  type Batch,
  type BatchOptions,
  type DataPosition,
  sampleBatches,
} from "./trainer/batches.js";
export {
  averagedWeights,
  type Checkpoint,
  readTrainingCheckpoint,
  writeModel,
  writeTrainingCheckpoint,
} from "./trainer/checkpoint.js";
export { predict, type Stage, stagesOf } from "./trainer/deprecated.js";
export {
  applyFreeze,
  frozenDepth,
  modulesOf,
  PARTS,
  type Part,
  parseFreeze,
  partNames,
  partsOf,
} from "./trainer/freeze.js";
export { BatchImages } from "./trainer/images.js";
export {
  adaptClasses,
  adaptHeads,
  type InitialiseOptions,
  initialiseNetwork,
  type Pretrained,
} from "./trainer/initialise.js";
export { LossLog, lossesOf, type StepLosses } from "./trainer/loss-log.js";
export {
  parseLrFactors,
  parseNamedNumbers,
  type RatedParameters,
  rateParameters,
} from "./trainer/lr-factors.js";
export {
  findLearningRate,
  isLost,
  type LrFinding,
  plotLrFinding,
  type RatedLoss,
  smooth,
  sweepSchedule,
} from "./trainer/lr-find.js";
export {
  backendOf,
  openTrainingDevice,
  type TrainingBackend,
  type TrainingDevice,
} from "./trainer/open-device.js";
export { PRECISIONS, type Precision } from "./trainer/options.js";
export {
  type Augmentation,
  augmentOf,
  checkSettings,
  type PresetName,
  scheduleOf,
  TRAIN_PRESETS,
  type TrainSettings,
  trainerOptions,
} from "./trainer/settings.js";
export { loadTrainerState, readTrainerState } from "./trainer/state.js";
export { Trainer, type TrainerOptions, type TrainerState } from "./trainer/trainer.js";
export { loadModel, type ValidateOptions, validateModel } from "./trainer/validate.js";
export { type ValidationLossInput, validationLoss } from "./trainer/validation-loss.js";
export { formatCandidates, parseCandidates } from "./tune/candidates.js";
export {
  type ConfidenceRow,
  plotTuning,
  type TuneGoal,
  type TuneImage,
  type TuneOptions,
  type TuneResult,
  type TuneRow,
  tuneThresholds,
} from "./tune/tune.js";
