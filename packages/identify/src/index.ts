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
  splitIdentities,
} from "./data/split.js";
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
export { EmbeddingNetwork } from "./networks/network.js";
export { toSquare, writePixels } from "./networks/pixels.js";
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
