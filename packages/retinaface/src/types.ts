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
  /** Weights without a head for landmarks find none: asking for them is then an error, `NO_LANDMARKS`. */
  landmarks: Landmarks;
  /** Class, from 1, where the weights tell several: the one whose logit is largest. `score` is its probability against
   * the background. */
  label?: number;
  /** The class by its name, where the weights name theirs. */
  class?: string;
  /** Numbers of further heads, by their losses' names; points in pixels. */
  values?: Readonly<Record<string, readonly number[]>>;
  /** Where `mesh` was asked for. */
  mesh?: FaceMesh;
  /** Why there is no mesh though it was asked for: the network sees fewer than {@link LEAST_MESH_SIDE} pixels of the face. */
  noMesh?: "too-small";
}

/** Pixels of the network's input that the shorter side of a face's box must have for a mesh. */
export const LEAST_MESH_SIDE = 24;

/** The mesh of a face. Left, right and pixels are those of the upright original image. */
export interface FaceMesh {
  /**
   * `[V, 3]`: x and y in pixels, as the camera sees them; z in pixels too, to the scale of the mesh's middle, growing away
   * from the camera, 0 at the middle.
   */
  readonly vertices: Float32Array;
  /** `[T, 3]`: numbers of vertices, anticlockwise where the face is seen from outside. */
  readonly triangles: Int32Array;
  /** `[V, 2]`: texture coordinates, from the texture's lower left corner. */
  readonly uv: Float32Array;
  /** `[V, 3]`: red, green and blue without light, 0 to 1. */
  readonly colours: Float32Array;
  /** Seven numbers, see `project` of `@retinaface-webgpu/mesh`; its image is `square`. */
  readonly camera: Float32Array;
  /** Nine numbers, see `shade` of `@retinaface-webgpu/mesh`. */
  readonly light: Float32Array;
  /** The square in the image that the camera sees: its left and upper side and how long it is. */
  readonly square: readonly [x: number, y: number, side: number];
  /** How the head is turned before the camera, in degrees: the angles of `facePose`. */
  readonly pose: { readonly yaw: number; readonly pitch: number; readonly roll: number };
}

/** Names of the landmarks in the network's order. */
export const LANDMARK_NAMES = ["leftEye", "rightEye", "nose", "leftMouth", "rightMouth"] as const;

/** Pixels in row order, four bytes R, G, B, A each. Detection ignores A. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  /**
   * Sides of the image that these pixels show, where they were decoded smaller (`maxSide`). Faces are found in its pixels.
   */
  original?: { readonly width: number; readonly height: number } | undefined;
  /** What was amiss with the file that was decoded and is shown all the same; absent where nothing was. */
  warnings?: readonly string[] | undefined;
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
  /**
   * `torchvision`: cells are centred at whole strides, sides are rounded to whole pixels on either side of the centre, and
   * of a cell's anchors those of one ratio stand together. Absent: centres in the middle of cells, sides as they are, those
   * of one size together.
   */
  form?: "torchvision";
}

/**
 * What a head's numbers are, which says how they are decoded (`decode/codec.ts`), learnt (`objective/`) and reported:
 *
 * - `class`: logits, background first; the candidates' score
 * - `box`: centre and size, relative to an anchor
 * - `points`: x and y of points, relative to an anchor
 * - `values`: numbers as they are
 * - `objectness`: one logit, of whether there is anything; the candidates' score is its probability times a class's
 *   (`model/objectness.ts`), and nothing is decoded of it besides
 * - `mesh`: a branch that says code, camera and light of a face's mesh. It is no head of anchors: `detect` asks it of faces
 *   alone, and only where meshes are wanted (`model/mesh-branch.ts`)
 */
export type HeadMeaning = "class" | "box" | "points" | "values" | "objectness" | "mesh";

/** One row of a table of heads: plain JSON, so that it travels in checkpoints. */
export interface HeadSpec {
  /** Of its outputs: `conf`. */
  readonly name: string;
  /** Of its module in checkpoints: `ClassHead`. */
  readonly module: `${string}Head`;
  /** Numbers for each anchor. */
  readonly width: number;
  readonly meaning: HeadMeaning;
  /** Of its loss, and of the labels it learns: `boxes`, `landmarks`, or one of a face's further `values`. */
  readonly loss: string;
}

/** What decoding needs to know of the way the network was trained. */
export interface DetectorConfig {
  anchors: AnchorConfig;
  /** Scales of the centre and of the size offsets. */
  variances: readonly [centre: number, size: number];
  /** The network's heads; default those published, as far as the weights have them. */
  heads?: readonly HeadSpec[];
  /** Names of the classes that the class head tells apart, in the order of its logits behind the background's. */
  classes?: readonly string[];
  /**
   * `by-class`, as RetinaNet has it: each class of a prior is a candidate of its own that competes with those of its class
   * alone; `topK` counts per level, sides are continuous, boxes are cut to the image, and sides of more than 62.5 times a
   * prior's are not believed. Absent: a prior is of its best class, and faces of all classes compete.
   */
  suppression?: "by-class";
  /** Post-processing that was chosen for these weights, by `tune` or `calibrate`; default {@link DEFAULT_THRESHOLDS}. */
  thresholds?: Readonly<Partial<Thresholds>>;
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
