import type { FaceRecord } from "../data/record.js";
import type { EvaluatedImage } from "./evaluate.js";
import { judgeDetections, overlapDetections, VERDICT } from "./match-detections.js";
import { averagePrecision, precisionRecall } from "./precision-recall.js";

/** Least sizes of faces by which detectors are compared, in pixels. */
export const FACE_SIZES: readonly number[] = [8, 16, 32];

/** IoU from which a detection finds a face. */
const FOUND_IOU = 0.5;

/** How well faces of at least one size are found. */
export interface SizeFigures {
  /** Square root of the box's area in pixels of the photo; smaller faces are neither found nor missed. */
  readonly from: number;
  readonly faces: number;
  /** Average precision at IoU 0.5, all points, whatever the threshold. */
  readonly ap50: number;
  /** Share of the faces found at the threshold; null where there are none. */
  readonly found: number | null;
  /** Share of true ones among what is found at the threshold; null where nothing is. */
  readonly precision: number | null;
}

/** What users see of a detector: its faces from a score threshold up. */
export interface ThresholdFigures {
  readonly threshold: number;
  readonly bySize: readonly SizeFigures[];
  /** Photos without any label, ignored ones included, and false faces a photo there; null where there is no such photo. */
  readonly withoutFaces: { readonly photos: number; readonly falseFaces: number | null };
}

/** What {@link measureAt} is told. */
export interface MeasureAtOptions {
  /** Faces of at least this score count as found, 0..1. */
  readonly threshold: number;
  /** Default {@link FACE_SIZES}. */
  readonly sizes?: readonly number[] | undefined;
}

/** Detections that count where smaller faces do not. */
export interface JudgedFrom {
  readonly faces: number;
  readonly scores: readonly number[];
  /** [n]: 1 where a detection finds a face. */
  readonly hits: readonly number[];
}

/** The record with its faces below a size ignored. */
function ignoreSmaller(record: FaceRecord, from: number): FaceRecord {
  const ignored = record.ignored.map((flag, f) => {
    const [x1, y1, x2, y2] = record.boxes.subarray(f * 4, f * 4 + 4);
    return flag || Math.sqrt((x2 - x1) * (y2 - y1)) < from ? 1 : 0;
  });
  return { ...record, ignored };
}

/**
 * Holds detections against the faces of at least a size. A detection of a smaller or an ignored face does not count; one
 * that overlaps none is false, however small it is.
 */
export function judgeFrom(images: readonly EvaluatedImage[], from: number): JudgedFrom {
  const scores: number[] = [];
  const hits: number[] = [];
  let faces = 0;
  for (const { record, detections } of images) {
    const judged = ignoreSmaller(record, from);
    faces += judged.ignored.reduce((count, flag) => count + 1 - flag, 0);
    const matched = overlapDetections(judged, detections);
    for (const [n, verdict] of judgeDetections(judged, matched, FOUND_IOU).entries()) {
      if (verdict === VERDICT.ignored) continue;
      scores.push(matched.scores[n]);
      hits.push(verdict);
    }
  }
  return { faces, scores, hits };
}

/** How many detections score at least `threshold`, and how many of them find a face. */
export function countAt({ scores, hits }: JudgedFrom, threshold: number) {
  let detections = 0;
  let found = 0;
  for (const [i, score] of scores.entries()) {
    if (score < threshold) continue;
    detections++;
    found += hits[i];
  }
  return { detections, found };
}

/** Scores of what is found in photos without any label, ignored ones included. */
export function falseScores(images: readonly EvaluatedImage[]) {
  const empty = images.filter(({ record }) => record.labels.length === 0);
  return {
    photos: empty.length,
    scores: empty.flatMap(({ detections }) => [...detections.scores]),
  };
}

const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);

/** Measures a detector by face size and at the score threshold that its users have. */
export function measureAt(
  images: readonly EvaluatedImage[],
  { threshold, sizes = FACE_SIZES }: MeasureAtOptions,
): ThresholdFigures {
  const bySize = sizes.map((from): SizeFigures => {
    const judged = judgeFrom(images, from);
    const { faces, scores, hits } = judged;
    const { detections, found } = countAt(judged, threshold);
    return {
      from,
      faces,
      ap50: averagePrecision(precisionRecall(scores, hits, faces)),
      found: share(found, faces),
      precision: share(found, detections),
    };
  });
  const { photos, scores } = falseScores(images);
  const falseFaces = scores.filter((score) => score >= threshold).length;
  return { threshold, bySize, withoutFaces: { photos, falseFaces: share(falseFaces, photos) } };
}
