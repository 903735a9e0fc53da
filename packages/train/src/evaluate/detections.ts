import {
  type Face,
  hasLandmarks,
  LANDMARK_COORDINATES,
  LANDMARK_NAMES,
  type RawImage,
} from "retinaface-webgpu";

/** What a detector found in one image, in any order, in pixels of the upright image. */
export interface Detections {
  /** `[n, 4]`: x1, y1, x2, y2. */
  readonly boxes: Float64Array;
  /** [n]. */
  readonly scores: Float64Array;
  /** [n, 10], where the detector finds landmarks. */
  readonly landmarks?: Float64Array;
  /** [n], where the detector tells classes apart: the class of each by name. */
  readonly classes?: readonly string[] | undefined;
  /**
   * Pixels that the network saw for each pixel of the image, across and down; absent: 1. Suppression counts in those, as
   * its sides include both end pixels.
   */
  readonly scale?: readonly [x: number, y: number];
}

/** Anything that finds faces in an upright image. */
export type Detect = (image: RawImage) => Promise<Detections>;

/** Packs faces, as the detector returns them, into arrays. */
export function packFaces(faces: readonly Face[]): Detections {
  return {
    boxes: Float64Array.from(faces.flatMap(({ box }) => box)),
    scores: Float64Array.from(faces, ({ score }) => score),
    ...(faces.every(hasLandmarks) && {
      landmarks: Float64Array.from(
        faces.flatMap(({ landmarks }) => LANDMARK_NAMES.flatMap((name) => landmarks[name])),
      ),
    }),
    ...classesOf(faces),
  };
}

function classesOf(faces: readonly Face[]): Pick<Detections, "classes"> {
  const classes = faces.flatMap((face) => face.class ?? []);
  return classes.length === faces.length && classes.length > 0 ? { classes } : {};
}

/** Detections as faces, of which each has what they have. */
export function unpackFaces({ boxes, scores, landmarks, classes }: Detections): Face[] {
  return Array.from(scores, (score, i) => {
    const named = LANDMARK_NAMES.map((name, k) => {
      const at = i * LANDMARK_COORDINATES + k * 2;
      return [name, [landmarks?.[at], landmarks?.[at + 1]]];
    });
    const face = {
      box: [...boxes.subarray(i * 4, i * 4 + 4)],
      score,
      ...(landmarks && { landmarks: Object.fromEntries(named) }),
      ...(classes && { class: classes[i] }),
    };
    return face as unknown as Face;
  });
}

/** The detections at `indices`, in that order. */
export function takeDetections(detections: Detections, indices: ArrayLike<number>): Detections {
  const rows = (values: Float64Array, width: number) => {
    const out = new Float64Array(indices.length * width);
    for (let i = 0; i < indices.length; i++) {
      out.set(values.subarray(indices[i] * width, (indices[i] + 1) * width), i * width);
    }
    return out;
  };
  return {
    boxes: rows(detections.boxes, 4),
    scores: rows(detections.scores, 1),
    landmarks: detections.landmarks && rows(detections.landmarks, LANDMARK_COORDINATES),
    ...(detections.classes && {
      classes: Array.from(indices, (i) => detections.classes![i]),
    }),
    ...(detections.scale && { scale: detections.scale }),
  };
}

/** Indices from the highest score down; equal scores keep their order. */
export function byScore(scores: ArrayLike<number>): number[] {
  const order = Array.from({ length: scores.length }, (_, i) => i);
  return order.sort((a, b) => scores[b] - scores[a] || a - b);
}

/**
 * Intersection over union of two boxes in rows `a` and `b` of corner arrays.
 *
 * @param endPixel 0 for continuous coordinates; 1 where sides count both end pixels, as in WIDER
 * FACE's evaluation
 */
export function boxIou(
  boxesA: ArrayLike<number>,
  a: number,
  boxesB: ArrayLike<number>,
  b: number,
  endPixel: 0 | 1 = 0,
): number {
  const i = a * 4;
  const j = b * 4;
  const w = Math.min(boxesA[i + 2], boxesB[j + 2]) - Math.max(boxesA[i], boxesB[j]) + endPixel;
  if (w <= 0) return 0;
  const h =
    Math.min(boxesA[i + 3], boxesB[j + 3]) - Math.max(boxesA[i + 1], boxesB[j + 1]) + endPixel;
  if (h <= 0) return 0;
  const areaA = (boxesA[i + 2] - boxesA[i] + endPixel) * (boxesA[i + 3] - boxesA[i + 1] + endPixel);
  const areaB = (boxesB[j + 2] - boxesB[j] + endPixel) * (boxesB[j + 3] - boxesB[j + 1] + endPixel);
  return (w * h) / (areaA + areaB - w * h);
}
