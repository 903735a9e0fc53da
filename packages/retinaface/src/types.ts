/** `[x, y]` in pixels of the upright image. */
export type Point = [x: number, y: number];

/** The five landmarks; left and right are the image's, not the person's. */
export interface Landmarks {
  leftEye: Point;
  rightEye: Point;
  nose: Point;
  leftMouth: Point;
  rightMouth: Point;
}

/** One detected face, in pixels of the upright original image. */
export interface Face {
  /** Corners `[x1, y1, x2, y2]`; they may lie outside the image where the face is cut off. */
  box: [x1: number, y1: number, x2: number, y2: number];
  /** Probability in 0..1. */
  score: number;
  landmarks: Landmarks;
}

/** Names of the landmarks in the network's order. */
export const LANDMARK_NAMES = ["leftEye", "rightEye", "nose", "leftMouth", "rightMouth"] as const;

/** Pixels in row order, four bytes R, G, B, A each. Detection ignores A. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

/** Where anchors (prior boxes) lie. One entry of `minSizes` and `steps` for each pyramid level. */
export interface AnchorConfig {
  /** Side lengths in input pixels for each level. */
  minSizes: readonly (readonly number[])[];
  /** Stride of each level in input pixels. */
  steps: readonly number[];
  /** Width over height at equal area; each size is used with each ratio. Default `[1]`. */
  ratios?: readonly number[];
  /** Clamp priors to 0..1. */
  clip: boolean;
}

/** What decoding needs to know of the way the network was trained. */
export interface DetectorConfig {
  anchors: AnchorConfig;
  /** Scales of the centre and of the size offsets. */
  variances: readonly [centre: number, size: number];
}

/** Post-processing: which candidates become faces. */
export interface Thresholds {
  /** Candidates must score above this before NMS, 0..1. */
  confidenceThreshold: number;
  /** Best candidates that enter NMS. */
  topK: number;
  /** A candidate is dropped when its IoU with a better one exceeds this, 0..1. */
  nmsThreshold: number;
  /** Most faces kept after NMS. */
  keepTopK: number;
  /** Faces scoring less than this are not returned, 0..1. */
  visThreshold: number;
}

/** The published models' anchors and variances. */
export const DEFAULT_CONFIG: DetectorConfig = {
  anchors: {
    minSizes: [
      [16, 32],
      [64, 128],
      [256, 512],
    ],
    steps: [8, 16, 32],
    ratios: [1],
    clip: false,
  },
  variances: [0.1, 0.2],
};

/** The published models' post-processing. */
export const DEFAULT_THRESHOLDS: Thresholds = {
  confidenceThreshold: 0.02,
  topK: 5000,
  nmsThreshold: 0.4,
  keepTopK: 750,
  visThreshold: 0.6,
};
