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
import { ofClass } from "./of-class.js";
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
  /** Of those found, how many are found as this class; where the detector tells it apart. */
  readonly told?: number;
  /** Average precision of what is found as this class, at IoU 0.5 and over 0.5:0.95; where the detector tells it apart. */
  readonly ap50?: number;
  readonly ap?: number;
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
  /** Mean over the classes of their `ap50`, where the detector tells classes of the data apart. */
  readonly classAp50?: number;
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
  /** Classes that the detector tells apart, by name: what it finds as one of them is held against the faces of that one. */
  readonly classes?: readonly string[] | undefined;
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
function outcome({ record, detections, matched, verdicts }: Judged, threshold: number) {
  const found = new Uint8Array(record.labels.length);
  const told = new Uint8Array(record.labels.length);
  let falsePositives = 0;
  for (const [n, verdict] of verdicts.entries()) {
    if (matched.scores[n] < threshold) break;
    const face = matched.face[n];
    if (verdict === VERDICT.hit) {
      found[face] = 1;
      told[face] = detections.classes?.[matched.order[n]] === record.labels[face] ? 1 : 0;
    } else if (verdict === VERDICT.miss) falsePositives++;
  }
  return { found, told, falsePositives };
}

/** Faces by size, and how many of them were found. */
class SizeTally {
  /** Faces found as what they are. */
  told = 0;
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
    const { found, told, falsePositives } = outcome(image, threshold);
    let missed = 0;
    for (let f = 0; f < found.length; f++) {
      if (record.ignored[f]) continue;
      const [x1, y1, x2, y2] = record.boxes.subarray(f * 4, f * 4 + 4);
      const size = Math.sqrt((x2 - x1) * (y2 - y1));
      const label = record.labels[f];
      const tallied = classes.get(label) ?? new SizeTally();
      classes.set(label, tallied);
      for (const tally of [all, tallied]) tally.add(size, found[f]);
      tallied.told += told[f];
      missed += 1 - found[f];
    }
    if (missed + falsePositives > 0) faults.push({ id: record.id, missed, falsePositives });
  }
  const total = (fault: ImageFaults) => fault.missed + fault.falsePositives;
  faults.sort((a, b) => total(b) - total(a) || (a.id < b.id ? -1 : 1));
  const byClass = [...classes]
    .map(([label, tally]) => ({ told: tally.told, recall: classRecall([label, tally]) }))
    .sort((a, b) => b.recall.faces - a.recall.faces);
  return { bySize: all.bins, byClass, faults };
}

/** What the detector's own classes come to, by name; empty where it tells none apart. */
function classPrecision(images: readonly EvaluatedImage[], classes: readonly string[] = []) {
  const labels = new Set(images.flatMap(({ record }) => record.labels));
  const present = classes.filter((label) => labels.has(label));
  return new Map(
    present.map((label) => {
      const own = images.map(({ record, detections }) => ofClass(record, detections, label));
      const { ap50, ap } = evaluateDetections(own);
      return [label, { ap50, ap }] as const;
    }),
  );
}

const meanOf = (values: readonly number[]) =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

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
  const { precisions = [0.9, 0.95, 0.99], worst = 20, classes } = options;
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
  const own = classPrecision(images, classes);
  const told = byClass.flatMap(({ recall }) => own.get(recall.label) ?? []);
  return {
    images: images.length,
    faces,
    ignoredFaces,
    detections: judged.reduce((sum, { verdicts }) => sum + verdicts.length, 0),
    ap50: apByIou[0].ap,
    ap50ElevenPoint: elevenPointAp(curve),
    ap: meanOf(apByIou.map(({ ap }) => ap)),
    ...(told.length > 0 && { classAp50: meanOf(told.map(({ ap50 }) => ap50)) }),
    apByIou,
    bestF1: best ? { ...best, f1: f1Score(best) } : null,
    recallAtPrecision: precisions.map((atLeast) => ({
      atLeast,
      point: recallAtPrecision(curve, atLeast) ?? null,
    })),
    landmarks: landmarkError(judged) ?? null,
    bySize,
    byClass: byClass.map(({ recall, told }) => {
      const precision = own.get(recall.label);
      return precision ? { ...recall, told, ...precision } : recall;
    }),
    curve,
    worst: faults.slice(0, worst),
  };
}
