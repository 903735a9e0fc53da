import { OptionError } from "retinaface-webgpu";
import type { FaceRecord } from "../data/record.js";
import { seededRandom } from "../random.js";
import type { Detections } from "./detections.js";
import { evaluateDetections } from "./evaluate.js";
import { judgeDetections, overlapDetections, VERDICT } from "./match-detections.js";
import { averagePrecision } from "./precision-recall.js";

/** One image's labels and what two detectors found in it. */
export interface ComparedImage {
  readonly record: FaceRecord;
  readonly a: Detections;
  readonly b: Detections;
}

export interface CompareOptions {
  /** Sets of photos drawn with replacement. Default 2000. */
  readonly resamples?: number | undefined;
  /** Share of them that lies in the interval. Default 0.95. */
  readonly level?: number | undefined;
  readonly seed?: number | undefined;
}

/** One detector's side of a {@link Comparison}. */
export interface ComparedSide {
  readonly ap50: number;
  /** Over the IoUs 0.5 to 0.95. */
  readonly ap: number;
  /** Score of the best F1, at which faces count as found; null where nothing is found. */
  readonly threshold: number | null;
  readonly f1: number | null;
}

/** How an image's outcome differs between A and B, each at the score of its best F1. */
export interface ImageChange {
  readonly id: string;
  /** Faces that B finds and A does not. */
  readonly gained: number;
  /** Faces that A finds and B does not. */
  readonly lost: number;
  /** False faces of each. */
  readonly falseA: number;
  readonly falseB: number;
}

/** Two detectors on the same photos. */
export interface Comparison {
  readonly images: number;
  readonly faces: number;
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  /** AP at IoU 0.5 of B less that of A. */
  readonly difference: {
    readonly ap50: number;
    /** Ends of the interval, by the percentiles of the resamples. */
    readonly low: number;
    readonly high: number;
    readonly level: number;
    readonly resamples: number;
    /** Share of the resamples in which B is better; ties count half. */
    readonly better: number;
  };
  readonly gained: number;
  readonly lost: number;
  /** Images that changed, most first. */
  readonly changed: readonly ImageChange[];
}

/** Detections that count of all images, best first: a resample walks them with the images' weights. */
interface Ranked {
  readonly scores: Float64Array;
  readonly hits: Uint8Array;
  readonly images: Uint32Array;
}

function rank(images: readonly ComparedImage[], side: "a" | "b"): Ranked {
  const all: { score: number; hit: number; image: number }[] = [];
  for (const [image, compared] of images.entries()) {
    const matched = overlapDetections(compared.record, compared[side]);
    for (const [n, verdict] of judgeDetections(compared.record, matched, 0.5).entries()) {
      if (verdict !== VERDICT.ignored) all.push({ score: matched.scores[n], hit: verdict, image });
    }
  }
  all.sort((p, q) => q.score - p.score);
  return {
    scores: Float64Array.from(all, ({ score }) => score),
    hits: Uint8Array.from(all, ({ hit }) => hit),
    images: Uint32Array.from(all, ({ image }) => image),
  };
}

/** AP where each image counts as often as its weight says; equal scores count together. */
function weightedAp({ scores, hits, images }: Ranked, weights: Uint16Array, faces: number): number {
  const points: { precision: number; recall: number }[] = [];
  let [found, counted] = [0, 0];
  for (let i = 0; i < scores.length; i++) {
    const weight = weights[images[i]];
    counted += weight;
    found += weight * hits[i];
    if (i + 1 < scores.length && scores[i + 1] === scores[i]) continue;
    if (counted > 0) points.push({ precision: found / counted, recall: found / faces });
  }
  return averagePrecision(points);
}

const countFaces = ({ ignored }: FaceRecord) => ignored.reduce((sum, flag) => sum + 1 - flag, 0);

/** Value below which a share of sorted values lies, between two of them in proportion. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const [below, above] = [Math.floor(place), Math.ceil(place)];
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}

/**
 * Differences of AP over sets of as many photos, drawn with replacement: photos and not faces, since those of one photo
 * are found or missed together (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).
 */
function bootstrap(images: readonly ComparedImage[], resamples: number, seed: number) {
  const [a, b] = (["a", "b"] as const).map((side) => rank(images, side));
  const faces = images.map(({ record }) => countFaces(record));
  const random = seededRandom(seed);
  const differences: number[] = [];
  for (let n = 0; n < resamples; n++) {
    const weights = new Uint16Array(images.length);
    for (let i = 0; i < images.length; i++) weights[random.integer(images.length)]++;
    const total = faces.reduce((sum, count, i) => sum + count * weights[i], 0);
    if (total === 0) continue;
    differences.push(weightedAp(b, weights, total) - weightedAp(a, weights, total));
  }
  return Float64Array.from(differences).sort();
}

/** What a threshold makes of an image's detections. */
export interface Outcomes {
  /** `[faces]`: 1 where found. */
  readonly found: Uint8Array;
  /** Positions of the false ones among the detections. */
  readonly falseFaces: readonly number[];
}

/** Which faces of an image are found at scores of at least `threshold`, and the false faces among the detections. */
export function outcomesAt(
  record: FaceRecord,
  detections: Detections,
  threshold: number,
): Outcomes {
  const matched = overlapDetections(record, detections);
  const found = new Uint8Array(record.labels.length);
  const falseFaces: number[] = [];
  for (const [n, verdict] of judgeDetections(record, matched, 0.5).entries()) {
    if (matched.scores[n] < threshold) break;
    if (verdict === VERDICT.hit) found[matched.face[n]] = 1;
    else if (verdict === VERDICT.miss) falseFaces.push(matched.order[n]);
  }
  return { found, falseFaces };
}

function changeOf({ record, a, b }: ComparedImage, atA: number, atB: number): ImageChange {
  const [before, after] = [outcomesAt(record, a, atA), outcomesAt(record, b, atB)];
  let [gained, lost] = [0, 0];
  for (let f = 0; f < record.labels.length; f++) {
    if (record.ignored[f]) continue;
    if (after.found[f] > before.found[f]) gained++;
    else if (after.found[f] < before.found[f]) lost++;
  }
  const [falseA, falseB] = [before, after].map(({ falseFaces }) => falseFaces.length);
  return { id: record.id, gained, lost, falseA, falseB };
}

const sizeOf = ({ gained, lost, falseA, falseB }: ImageChange) =>
  gained + lost + Math.abs(falseB - falseA);

/**
 * Compares two detectors on the same photos: average precisions, their difference with an interval by bootstrap over
 * photos, and the photos in which they differ.
 *
 * @throws {OptionError} without photos that have a face, or for an option out of range
 */
export function compareDetections(
  images: readonly ComparedImage[],
  { resamples = 2000, level = 0.95, seed = 1 }: CompareOptions = {},
): Comparison {
  if (!(Number.isSafeInteger(resamples) && resamples > 0 && level > 0 && level < 1)) {
    throw new OptionError(
      `a comparison takes a whole number of resamples and a level between 0 and 1, not ${resamples} and ${level}`,
    );
  }
  const [a, b] = (["a", "b"] as const).map((side) =>
    evaluateDetections(images.map((i) => ({ record: i.record, detections: i[side] }))),
  );
  if (a.faces === 0)
    throw new OptionError("a comparison needs labelled faces: give photos with some");
  const [sideA, sideB] = [a, b].map(
    ({ ap50, ap, bestF1 }): ComparedSide => ({
      ap50,
      ap,
      threshold: bestF1?.threshold ?? null,
      f1: bestF1?.f1 ?? null,
    }),
  );
  const sorted = bootstrap(images, resamples, seed);
  const wins = sorted.reduce((sum, d) => sum + (d > 0 ? 1 : d === 0 ? 0.5 : 0), 0);
  const changed = images
    .map((image) => changeOf(image, sideA.threshold ?? 1, sideB.threshold ?? 1))
    .filter((change) => sizeOf(change) > 0)
    .sort((p, q) => sizeOf(q) - sizeOf(p) || (p.id < q.id ? -1 : 1));
  const sum = (key: "gained" | "lost") => changed.reduce((total, change) => total + change[key], 0);
  return {
    images: images.length,
    faces: a.faces,
    a: sideA,
    b: sideB,
    difference: {
      ap50: b.ap50 - a.ap50,
      low: quantile(sorted, (1 - level) / 2),
      high: quantile(sorted, (1 + level) / 2),
      level,
      resamples,
      better: wins / sorted.length,
    },
    gained: sum("gained"),
    lost: sum("lost"),
    changed,
  };
}
