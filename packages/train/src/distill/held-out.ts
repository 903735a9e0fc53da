import { LANDMARK_COORDINATES, LANDMARK_NAMES } from "retinaface-webgpu";
import { boxIou, type Detections } from "../evaluate/detections.js";

/** What a detector and its teacher found in one photo; boxes in its pixels. */
export interface TaughtPhoto {
  readonly found: Detections;
  readonly teacher: Detections;
  /** `[n, 4]`: boxes of labelled faces, which are no false positives either. */
  readonly labels: ArrayLike<number>;
}

/** How a detector does beside its teacher. */
export interface Agreement {
  readonly photos: number;
  /** The teacher's faces, see {@link AgreementOptions}. */
  readonly faces: number;
  /** Share of those that the detector found. */
  readonly recall: number;
  readonly falsePositives: number;
  readonly falsePositivesPerPhoto: number;
}

export interface AgreementOptions {
  /** Score from which a detection counts, of either. */
  readonly score: number;
  /** The teacher's faces count whose box is larger than so many pixels: the square root of its area. */
  readonly side: number;
  /** A detection that is one of the teacher's of at least this score is no false positive. */
  readonly doubtful: number;
}

export const AGREEMENT_DEFAULTS: AgreementOptions = { score: 0.6, side: 24, doubtful: 0.3 };

/** Boxes with at least this IoU are the same face. */
const SAME_FACE = 0.4;

function overlapsAny(
  box: number,
  boxes: ArrayLike<number>,
  others: ArrayLike<number>,
  use: (other: number) => boolean,
): boolean {
  for (let other = 0; other < others.length / 4; other++) {
    if (use(other) && boxIou(boxes, box, others, other) >= SAME_FACE) return true;
  }
  return false;
}

function isLarge(boxes: ArrayLike<number>, face: number, side: number): boolean {
  const [x1, y1, x2, y2] = [0, 1, 2, 3].map((i) => boxes[face * 4 + i]);
  return (x2 - x1) * (y2 - y1) > side * side;
}

/** Recall of the teacher's faces, and detections that are neither the teacher's nor labelled. */
export function measureAgreement(
  photos: readonly TaughtPhoto[],
  { score, side, doubtful }: AgreementOptions = AGREEMENT_DEFAULTS,
): Agreement {
  let faces = 0;
  let hits = 0;
  let falsePositives = 0;
  for (const { found, teacher, labels } of photos) {
    const counts = (of: Detections, least: number) => (i: number) => of.scores[i] > least;
    for (let face = 0; face < teacher.scores.length; face++) {
      if (!(teacher.scores[face] > score) || !isLarge(teacher.boxes, face, side)) continue;
      faces++;
      if (overlapsAny(face, teacher.boxes, found.boxes, counts(found, score))) hits++;
    }
    for (let i = 0; i < found.scores.length; i++) {
      if (!(found.scores[i] > score)) continue;
      const known =
        overlapsAny(i, found.boxes, teacher.boxes, counts(teacher, doubtful)) ||
        overlapsAny(i, found.boxes, labels, () => true);
      if (!known) falsePositives++;
    }
  }
  return {
    photos: photos.length,
    faces,
    recall: hits / faces,
    falsePositives,
    falsePositivesPerPhoto: falsePositives / photos.length,
  };
}

/**
 * Mean distance of the best detection's eyes and corners of the mouth from the labelled ones, as a share of
 * the distance of the eyes; undefined where nothing scores above `score`.
 *
 * @param labelled [10]; points that are NaN do not count
 */
export function landmarkError(
  { scores, landmarks }: Detections,
  labelled: readonly number[],
  score = AGREEMENT_DEFAULTS.score,
): number | undefined {
  const best = scores.reduce((a, value, i) => (a < 0 || value > scores[a] ? i : a), -1);
  if (best < 0 || !landmarks || !(scores[best] > score)) return undefined;
  const points = [...LANDMARK_NAMES.keys()].filter((i) => Number.isFinite(labelled[i * 2]));
  const distance = (i: number) => {
    const [x, y] = landmarks.subarray(best * LANDMARK_COORDINATES + i * 2);
    return Math.hypot(x - labelled[i * 2], y - labelled[i * 2 + 1]);
  };
  const mean = points.reduce((sum, i) => sum + distance(i), 0) / points.length;
  return mean / Math.hypot(labelled[2] - labelled[0], labelled[3] - labelled[1]);
}
