export { augmentFace, FACE_AUGMENT, type FaceAugmentOptions } from "./data/augment.js";
export {
  alignedLandmarks,
  drawnMask,
  MASK_SHAPES,
  type Mask,
  type MaskShape,
  wearMask,
} from "./data/masks.js";
export { BalancedSampler, type Pick } from "./data/sampler.js";
export {
  type GalleryAndQuery,
  groupOf,
  type IdentityImage,
  type IdentitySplit,
  type IdentitySplitOptions,
  parsePattern,
  parseQueryRule,
  type QueryRule,
  someOfEach,
  splitIdentities,
} from "./data/split.js";
export { type ConfusedPictures, confusionSheet } from "./evaluation/confusion-sheet.js";
export {
  evaluateGallery,
  type GalleryEvaluation,
  type GalleryQueries,
} from "./evaluation/evaluate.js";
export { type Histogram, histogram } from "./evaluation/histogram.js";
export {
  type AnsweredQuery,
  type ClosedSet,
  type Confusion,
  confusionsOf,
  type DirAtFar,
  evaluateClosedSet,
  evaluateOpenSet,
  OPEN_SET_RATES,
  type OpenSet,
  rankOf,
} from "./evaluation/identification.js";
export {
  bestThreshold,
  type FoldAccuracy,
  foldAccuracy,
  type LfwPair,
  type LfwPicture,
  lfwName,
  PairsError,
  parsePairs,
  type ScoredPair,
} from "./evaluation/lfw.js";
export { type EmbeddedPicture, pairScores, similarity } from "./evaluation/pairs.js";
export {
  cmcPlot,
  openSetPlot,
  rocPlot,
  scoresPlot,
  verificationPlots,
} from "./evaluation/plots.js";
export {
  type IdentityEvaluation,
  type IdentityReport,
  renderIdentityReport,
} from "./evaluation/report.js";
export {
  evaluateVerification,
  FALSE_ACCEPT_RATES,
  type PairScores,
  type RocPoint,
  rocCurve,
  type TarAtFar,
  type Verification,
} from "./evaluation/verification.js";
export type { Answer, MatchOptions } from "./gallery/answer.js";
export { EmbeddingError, GalleryError, type GalleryErrorCode } from "./gallery/errors.js";
export { decodeGallery, encodeGallery } from "./gallery/format.js";
export {
  COMBINES,
  type Combine,
  Gallery,
  type GalleryOptions,
  type GalleryRows,
  type GalleryThreshold,
  type Identity,
  unitVector,
} from "./gallery/gallery.js";
export { PgVectorGallery, type PgVectorOptions, type SqlClient } from "./gallery/pgvector.js";
export { GallerySearch, openSearch, type SearchOptions } from "./gallery/search.js";
export { thresholdFromStrangers, thresholdLeavingOut } from "./gallery/strangers.js";
export { thresholdAtFar } from "./gallery/threshold.js";
export { type Match, topMatches } from "./gallery/top.js";
export {
  cosines,
  MARGIN_LOSSES,
  type MarginLoss,
  type MarginLossName,
  type MarginOptions,
  marginLogits,
  marginLoss,
} from "./losses/margin.js";
export { ClassSampler, type SampledClasses } from "./losses/sampling.js";
export { type TripletLoss, type TripletOptions, tripletLoss } from "./losses/triplet.js";
export { buildNetwork } from "./networks/build.js";
export {
  ARCHITECTURES,
  type Architecture,
  DEFAULT_EMBEDDER,
  type EmbedderConfig,
  embedderConfig,
} from "./networks/config.js";
export { Embedder, type EmbedderOptions } from "./networks/embedder.js";
export { type HeadOptions, IResNet } from "./networks/iresnet.js";
export { MobileFaceNet } from "./networks/mobilefacenet.js";
export { MobileNetEmbedder, startOf } from "./networks/mobilenet.js";
export { EmbeddingNetwork, type Start } from "./networks/network.js";
export { toSquare, writePixels } from "./networks/pixels.js";
export { startOfEmbedder } from "./networks/start.js";
export {
  EMBEDDER_KEY,
  type EmbedderWeights,
  fingerprintOf,
  readEmbedder,
  writeEmbedder,
} from "./networks/weights.js";
export {
  checkEmbedderSettings,
  type EmbedderSettings,
  LOSS_NAMES,
  type LossName,
} from "./training/settings.js";
export { EmbeddingTrainer, type FaceBatch } from "./training/trainer.js";
export {
  enrolMeans,
  identify,
  type LabelledVectors,
  type RankFigures,
} from "./training/validate.js";
