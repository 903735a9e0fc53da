import { DEFAULT_THRESHOLDS, nms, OptionError } from "retinaface-webgpu";
import type { FaceRecord } from "../data/record.js";
import { type Detections, takeDetections } from "../evaluate/detections.js";
import { evaluateDetections } from "../evaluate/evaluate.js";
import { bestF1, f1Score, type PrPoint, recallAtPrecision } from "../evaluate/precision-recall.js";
import { linePlot } from "../report/svg.js";

/** One image's labels and its candidates before non-maximum suppression. */
export interface TuneImage {
  readonly record: FaceRecord;
  readonly candidates: Detections;
}

/** What is sought: the best F1, or the highest recall at a precision of at least `precision`. */
export type TuneGoal =
  | { readonly kind: "f1" }
  | { readonly kind: "recall"; readonly precision: number };

export interface TuneOptions {
  readonly goal?: TuneGoal | undefined;
  /** IoU thresholds to try. Default 0.2, 0.25, … 0.7. */
  readonly nmsThresholds?: readonly number[] | undefined;
  /** Average precision that a higher confidence threshold may cost. Default 0.001. */
  readonly tolerance?: number | undefined;
  readonly keepTopK?: number | undefined;
}

/** The result for one NMS threshold. */
export interface TuneRow {
  readonly nmsThreshold: number;
  readonly ap50: number;
  /** Where the goal is reached best, or null where it is not reached. */
  readonly point: PrPoint | null;
  readonly f1: number;
  readonly curve: readonly PrPoint[];
}

/** What a confidence threshold costs at the chosen NMS threshold. */
export interface ConfidenceRow {
  readonly confidenceThreshold: number;
  readonly ap50: number;
  /** Candidates that enter NMS, the mean of an image. */
  readonly candidates: number;
}

/** What {@link tuneThresholds} found. */
export interface TuneResult {
  readonly goal: TuneGoal;
  readonly images: number;
  readonly faces: number;
  readonly table: readonly TuneRow[];
  readonly confidence: readonly ConfidenceRow[];
  /** Null if the goal is reached nowhere. */
  readonly best: {
    readonly confidenceThreshold: number;
    readonly nmsThreshold: number;
    readonly visThreshold: number;
    readonly precision: number;
    readonly recall: number;
    readonly f1: number;
    readonly ap50: number;
  } | null;
}

const NMS_THRESHOLDS = Array.from({ length: 11 }, (_, i) => (20 + 5 * i) / 100);
const CONFIDENCES = [0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5];

/** Boxes in the pixels that the network saw, where the detector suppresses them. */
function networkBoxes({ boxes, scale }: Detections): Float64Array {
  return scale ? boxes.map((value, i) => value * scale[i % 2]) : boxes;
}

function suppress({ candidates }: TuneImage, threshold: number, keepTopK: number): Detections {
  const kept = nms(networkBoxes(candidates), candidates.scores, threshold, keepTopK);
  return takeDetections(candidates, kept);
}

function evaluateAt(images: readonly TuneImage[], threshold: number, keepTopK: number) {
  return evaluateDetections(
    images.map((image) => ({
      record: image.record,
      detections: suppress(image, threshold, keepTopK),
    })),
  );
}

function goalPoint(curve: readonly PrPoint[], goal: TuneGoal): PrPoint | undefined {
  return goal.kind === "f1" ? bestF1(curve) : recallAtPrecision(curve, goal.precision);
}

/**
 * Two results compared: the goal's measure, then average precision for results that are as good.
 */
function isBetter(row: TuneRow, than: TuneRow | undefined, goal: TuneGoal): boolean {
  if (!row.point) return false;
  if (!than?.point) return true;
  const gain = goal.kind === "f1" ? row.f1 - than.f1 : row.point.recall - than.point.recall;
  return gain === 0 ? row.ap50 > than.ap50 : gain > 0;
}

function tryConfidences(
  images: readonly TuneImage[],
  nmsThreshold: number,
  keepTopK: number,
): ConfidenceRow[] {
  const lowest = images.reduce(
    (low, { candidates }) => candidates.scores.reduce((a, b) => Math.min(a, b), low),
    1,
  );
  const telling = CONFIDENCES.filter((_, i) => (CONFIDENCES[i + 1] ?? 1) > lowest);
  return telling.map((confidenceThreshold) => {
    const kept = images.map(({ record, candidates }) => {
      const above = [...candidates.scores.keys()].filter(
        (i) => candidates.scores[i] > confidenceThreshold,
      );
      return { record, candidates: takeDetections(candidates, above) };
    });
    const entered = kept.reduce((sum, { candidates }) => sum + candidates.scores.length, 0);
    return {
      confidenceThreshold,
      ap50: evaluateAt(kept, nmsThreshold, keepTopK).ap50,
      candidates: entered / Math.max(1, images.length),
    };
  });
}

/**
 * Searches post-processing thresholds on stored candidates, without running the network again. For each
 * NMS threshold every score is tried as visualisation threshold. A confidence threshold below the
 * visualisation threshold changes no face shown, since suppression only looks at better candidates; the
 * highest is proposed that keeps the average precision within `tolerance` and does not exceed the
 * visualisation threshold, for it saves work.
 *
 * @throws {OptionError} without images or with a precision outside 0…1.
 */
export function tuneThresholds(
  images: readonly TuneImage[],
  options: TuneOptions = {},
): TuneResult {
  const { goal = { kind: "f1" }, nmsThresholds = NMS_THRESHOLDS, tolerance = 0.001 } = options;
  const { keepTopK = DEFAULT_THRESHOLDS.keepTopK } = options;
  if (images.length === 0)
    throw new OptionError("tuning needs images: give at least one, with its candidates");
  if (goal.kind === "recall" && !(goal.precision >= 0 && goal.precision <= 1)) {
    throw new OptionError(`a precision lies between 0 and 1, not at ${goal.precision}`);
  }
  let faces = 0;
  let best: TuneRow | undefined;
  const table = nmsThresholds.map((nmsThreshold): TuneRow => {
    const { ap50, curve, faces: counted } = evaluateAt(images, nmsThreshold, keepTopK);
    faces = counted;
    const point = goalPoint(curve, goal) ?? null;
    const row = { nmsThreshold, ap50, point, f1: point ? f1Score(point) : 0, curve };
    if (isBetter(row, best, goal)) best = row;
    return row;
  });
  const shared = { goal, images: images.length, faces, table };
  if (!best?.point) return { ...shared, confidence: [], best: null };
  const { nmsThreshold, ap50, f1, point } = best;
  const confidence = tryConfidences(images, nmsThreshold, keepTopK);
  const allowed = confidence.filter(
    (row) => row.ap50 >= ap50 - tolerance && row.confidenceThreshold <= point.threshold,
  );
  const confidenceThreshold = allowed.at(-1)?.confidenceThreshold ?? 0;
  return {
    ...shared,
    confidence,
    best: {
      confidenceThreshold,
      nmsThreshold,
      visThreshold: point.threshold,
      precision: point.precision,
      recall: point.recall,
      f1,
      ap50,
    },
  };
}

/** Precision–recall curves of every NMS threshold, the best result marked. */
export function plotTuning({ table, best }: TuneResult): string {
  return linePlot({
    title: "Precision and recall by NMS threshold",
    x: { label: "recall", min: 0, max: 1 },
    y: { label: "precision", min: 0, max: 1 },
    direct: true,
    series: table.map(({ nmsThreshold, curve }) => ({
      name: `NMS ${nmsThreshold}`,
      bold: nmsThreshold === best?.nmsThreshold,
      points: curve.map(({ recall, precision }) => [recall, precision] as const),
    })),
    marks: best
      ? [
          {
            x: best.recall,
            y: best.precision,
            text: `score ${best.visThreshold.toFixed(3)}`,
            below: true,
          },
        ]
      : [],
  });
}
