import { LANDMARK_COORDINATES, OptionError } from "retinaface-webgpu";
import type { FaceRecord } from "../data/record.js";
import type { Detections } from "./detections.js";
import { type LandmarkError, LandmarkErrorMeter } from "./landmark-error.js";
import {
  judgeDetections,
  type MatchedDetections,
  overlapDetections,
  VERDICT,
} from "./match-detections.js";
import {
  averagePrecision,
  bestF1,
  elevenPointAp,
  f1Score,
  type PrPoint,
  precisionRecall,
  recallAtPrecision,
} from "./precision-recall.js";

/** One image's labels and what was found in it. */
export interface EvaluatedImage {
  readonly record: FaceRecord;
  readonly detections: Detections;
}

/** An image's faults at the score threshold of the best F1. */
export interface ImageFaults {
  readonly id: string;
  readonly missed: number;
  readonly falsePositives: number;
}

/** Recall of the faces in one range of sizes, at the score threshold of the best F1. */
export interface SizeRecall {
  /** Square root of the box area in pixels: at least `from`, below `to`. */
  readonly from: number;
  readonly to: number | null;
  readonly faces: number;
  readonly found: number;
}

/** Recall of the faces of one class, as the data call it, at the score threshold of the best F1. */
export interface ClassRecall {
  readonly label: string;
  readonly faces: number;
  readonly found: number;
  readonly bySize: readonly SizeRecall[];
}

/** How good a detector is on a labelled set. */
export interface Evaluation {
  readonly images: number;
  /** Faces to be found; ignored ones come on top. */
  readonly faces: number;
  readonly ignoredFaces: number;
  readonly detections: number;
  /** Average precision at IoU 0.5, all points. */
  readonly ap50: number;
  /** The same at the eleven recalls of VOC 2007. */
  readonly ap50ElevenPoint: number;
  /** Mean average precision over the IoUs 0.5, 0.55, … 0.95. */
  readonly ap: number;
  readonly apByIou: readonly { readonly iou: number; readonly ap: number }[];
  /** The point of the best F1 at IoU 0.5. */
  readonly bestF1: (PrPoint & { readonly f1: number }) | null;
  /** The highest recall at IoU 0.5 whose precision is at least `atLeast`. */
  readonly recallAtPrecision: readonly {
    readonly atLeast: number;
    readonly point: PrPoint | null;
  }[];
  readonly landmarks: LandmarkError | null;
  readonly bySize: readonly SizeRecall[];
  /** Most faces first. Data whose classes were all called "face" have one. */
  readonly byClass: readonly ClassRecall[];
  /** At IoU 0.5. */
  readonly curve: readonly PrPoint[];
  /** Images with faults, most first. */
  readonly worst: readonly ImageFaults[];
}

/** What {@link evaluateDetections} may be told. */
export interface EvaluateOptions {
  /** Precisions of `recallAtPrecision`. Default 0.9, 0.95, 0.99. */
  readonly precisions?: readonly number[] | undefined;
  /** Most entries in `worst`. Default 20. */
  readonly worst?: number | undefined;
}

const IOUS = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);
const SIZE_EDGES = [0, 16, 32, 64, 128, 256];

interface Judged {
  readonly record: FaceRecord;
  readonly detections: Detections;
  readonly matched: MatchedDetections;
  /** At IoU 0.5. */
  readonly verdicts: Int8Array;
}

function curveOf(images: readonly Judged[], iou: number, faces: number): PrPoint[] {
  const scores: number[] = [];
  const hits: number[] = [];
  for (const { record, matched } of images) {
    for (const [n, verdict] of judgeDetections(record, matched, iou).entries()) {
      if (verdict === VERDICT.ignored) continue;
      scores.push(matched.scores[n]);
      hits.push(verdict);
    }
  }
  return precisionRecall(scores, hits, faces);
}

function landmarkError(images: readonly Judged[]): LandmarkError | undefined {
  const meter = new LandmarkErrorMeter();
  for (const { record, detections, matched, verdicts } of images) {
    if (!detections.landmarks) continue;
    for (const [n, verdict] of verdicts.entries()) {
      if (verdict !== VERDICT.hit) continue;
      const found = matched.order[n] * LANDMARK_COORDINATES;
      const face = matched.face[n];
      meter.add(
        detections.landmarks.subarray(found, found + LANDMARK_COORDINATES),
        record.landmarks.subarray(face * LANDMARK_COORDINATES, (face + 1) * LANDMARK_COORDINATES),
        record.boxes.subarray(face * 4, face * 4 + 4),
      );
    }
  }
  return meter.result();
}

/** Which faces of an image are found at scores of at least `threshold`, and how many false ones. */
function outcome({ record, matched, verdicts }: Judged, threshold: number) {
  const found = new Uint8Array(record.labels.length);
  let falsePositives = 0;
  for (const [n, verdict] of verdicts.entries()) {
    if (matched.scores[n] < threshold) break;
    if (verdict === VERDICT.hit) found[matched.face[n]] = 1;
    else if (verdict === VERDICT.miss) falsePositives++;
  }
  return { found, falsePositives };
}

/** Faces by size, and how many of them were found. */
class SizeTally {
  readonly bins = SIZE_EDGES.map((from, i) => ({
    from,
    to: SIZE_EDGES[i + 1] ?? null,
    faces: 0,
    found: 0,
  }));

  add(size: number, found: number): void {
    const bin = this.bins.findLast(({ from }) => size >= from)!;
    bin.faces++;
    bin.found += found;
  }
}

function classRecall([label, { bins }]: readonly [string, SizeTally]): ClassRecall {
  const sum = (key: "faces" | "found") => bins.reduce((total, bin) => total + bin[key], 0);
  return { label, faces: sum("faces"), found: sum("found"), bySize: bins };
}

function tallyOutcomes(images: readonly Judged[], threshold: number) {
  const all = new SizeTally();
  const classes = new Map<string, SizeTally>();
  const faults: ImageFaults[] = [];
  for (const image of images) {
    const { record } = image;
    const { found, falsePositives } = outcome(image, threshold);
    let missed = 0;
    for (let f = 0; f < found.length; f++) {
      if (record.ignored[f]) continue;
      const [x1, y1, x2, y2] = record.boxes.subarray(f * 4, f * 4 + 4);
      const size = Math.sqrt((x2 - x1) * (y2 - y1));
      const label = record.labels[f];
      const ofClass = classes.get(label) ?? new SizeTally();
      classes.set(label, ofClass);
      for (const tally of [all, ofClass]) tally.add(size, found[f]);
      missed += 1 - found[f];
    }
    if (missed + falsePositives > 0) faults.push({ id: record.id, missed, falsePositives });
  }
  const total = (fault: ImageFaults) => fault.missed + fault.falsePositives;
  faults.sort((a, b) => total(b) - total(a) || (a.id < b.id ? -1 : 1));
  const byClass = [...classes].map(classRecall).sort((a, b) => b.faces - a.faces);
  return { bySize: all.bins, byClass, faults };
}

/**
 * Holds detections against labels: VOC-style average precision, COCO's mean over IoUs, recall at
 * fixed precision, landmark error, recall by face size, worst images. IoU is of continuous
 * coordinates. Equal scores count together.
 *
 * @throws {OptionError} if an image's arrays do not fit together.
 */
export function evaluateDetections(
  images: readonly EvaluatedImage[],
  options: EvaluateOptions = {},
): Evaluation {
  const { precisions = [0.9, 0.95, 0.99], worst = 20 } = options;
  const judged = images.map(({ record, detections }): Judged => {
    const n = detections.scores.length;
    const { boxes, landmarks } = detections;
    if (boxes.length !== n * 4 || (landmarks && landmarks.length !== n * LANDMARK_COORDINATES)) {
      throw new OptionError(
        `the detections of ${record.id} do not fit their ${n} scores: give a box, and landmarks if any, for each`,
      );
    }
    const matched = overlapDetections(record, detections);
    return { record, detections, matched, verdicts: judgeDetections(record, matched, IOUS[0]) };
  });
  const labelled = judged.reduce((sum, { record }) => sum + record.labels.length, 0);
  const ignoredFaces = judged.reduce(
    (sum, { record }) => sum + record.ignored.reduce((count, flag) => count + flag, 0),
    0,
  );
  const faces = labelled - ignoredFaces;
  const curves = IOUS.map((iou) => curveOf(judged, iou, faces));
  const [curve] = curves;
  const apByIou = curves.map((points, i) => ({ iou: IOUS[i], ap: averagePrecision(points) }));
  const best = bestF1(curve);
  const { bySize, byClass, faults } = tallyOutcomes(judged, best?.threshold ?? 0);
  return {
    images: images.length,
    faces,
    ignoredFaces,
    detections: judged.reduce((sum, { verdicts }) => sum + verdicts.length, 0),
    ap50: apByIou[0].ap,
    ap50ElevenPoint: elevenPointAp(curve),
    ap: apByIou.reduce((sum, { ap }) => sum + ap, 0) / apByIou.length,
    apByIou,
    bestF1: best ? { ...best, f1: f1Score(best) } : null,
    recallAtPrecision: precisions.map((atLeast) => ({
      atLeast,
      point: recallAtPrecision(curve, atLeast) ?? null,
    })),
    landmarks: landmarkError(judged) ?? null,
    bySize,
    byClass,
    curve,
    worst: faults.slice(0, worst),
  };
}
