import { OptionError } from "retinaface-webgpu";
import { countAt, falseScores, judgeFrom } from "./by-size.js";
import type { EvaluatedImage } from "./evaluate.js";
import { f1Score } from "./precision-recall.js";

/** How {@link calibrateThreshold} chooses. */
export interface CalibrateOptions {
  /** Faces of at least this size count: the square root of the box's area, in pixels of the photo. Default 16. */
  readonly minSize?: number | undefined;
  /** Most false faces a photo on photos without any face. Default 0.1. */
  readonly mostFalse?: number | undefined;
}

/** What a score threshold gives. */
export interface CalibrationRow {
  readonly threshold: number;
  readonly precision: number;
  /** Share of the faces found. */
  readonly found: number;
  readonly f1: number;
  /** False faces a photo without any face; null where there is no such photo. */
  readonly falseFaces: number | null;
}

/** What {@link calibrateThreshold} found. */
export interface Calibration {
  readonly images: number;
  readonly faces: number;
  readonly photosWithoutFaces: number;
  /** Every threshold tried, from low to high. */
  readonly table: readonly CalibrationRow[];
  /** The highest F1 within the limit of false faces; null where no threshold keeps it. */
  readonly best: CalibrationRow | null;
}

/** Hundredths: finer ones fit the photos at hand more than the weights. */
const THRESHOLDS = Array.from({ length: 99 }, (_, i) => (i + 1) / 100);

/**
 * Chooses the score from which faces are shown: the highest F1 at IoU 0.5 on faces of at least a size, with at most so
 * many false faces a photo where there is no face. Of equals the lowest threshold.
 *
 * @throws {OptionError} where no face of that size is labelled, or for options out of range
 */
export function calibrateThreshold(
  images: readonly EvaluatedImage[],
  { minSize = 16, mostFalse = 0.1 }: CalibrateOptions = {},
): Calibration {
  if (!(minSize >= 0 && mostFalse >= 0)) {
    throw new OptionError(
      `a size of ${minSize} pixels and ${mostFalse} false faces a photo: give numbers of at least 0`,
    );
  }
  const judged = judgeFrom(images, minSize);
  if (judged.faces === 0) {
    throw new OptionError(
      `the data have no face of at least ${minSize} pixels to calibrate by: give others, or a smaller size`,
    );
  }
  const empty = falseScores(images);
  let best: CalibrationRow | null = null;
  const table = THRESHOLDS.map((threshold): CalibrationRow => {
    const { detections, found } = countAt(judged, threshold);
    const precision = detections === 0 ? 0 : found / detections;
    const recall = found / judged.faces;
    const wrong = empty.scores.filter((score) => score >= threshold).length;
    const falseFaces = empty.photos === 0 ? null : wrong / empty.photos;
    const row = {
      threshold,
      precision,
      found: recall,
      f1: f1Score({ precision, recall }),
      falseFaces,
    };
    if ((falseFaces ?? 0) <= mostFalse && found > 0 && row.f1 > (best?.f1 ?? 0)) best = row;
    return row;
  });
  return {
    images: images.length,
    faces: judged.faces,
    photosWithoutFaces: empty.photos,
    table,
    best,
  };
}
