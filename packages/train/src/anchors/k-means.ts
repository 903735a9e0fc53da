import type { Random } from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";

/** Width and height of a box in pixels. */
export type Size = readonly [width: number, height: number];

/** Groups of boxes of like size. */
export interface Clustering {
  /** Smallest area first. */
  readonly centres: readonly Size[];
  /** Mean over the boxes of the IoU with the closest centre, both at the same place. */
  readonly meanIou: number;
}

const MAX_ROUNDS = 100;

/** IoU of two boxes with the same centre. */
export function sizeIou(a: Size, b: Size): number {
  const intersection = Math.min(a[0], b[0]) * Math.min(a[1], b[1]);
  return intersection / (a[0] * a[1] + b[0] * b[1] - intersection);
}

/** The centre that a box overlaps most, both at the same place; of several the first. */
export function closest(size: Size, centres: readonly Size[]): { index: number; iou: number } {
  let best = { index: 0, iou: -1 };
  for (const [index, centre] of centres.entries()) {
    const iou = sizeIou(size, centre);
    if (iou > best.iou) best = { index, iou };
  }
  return best;
}

/** k-means++ (Arthur & Vassilvitskii, 2007): far boxes are likelier to become the next centre. */
function drawCentres(sizes: readonly Size[], k: number, random: Random): Size[] {
  const centres = [sizes[random.integer(sizes.length)]];
  const distance = sizes.map((size) => 1 - sizeIou(size, centres[0]));
  while (centres.length < k) {
    const total = distance.reduce((sum, d) => sum + d, 0);
    let rest = random.uniform() * total;
    let chosen = distance.findIndex((d) => {
      rest -= d;
      return rest < 0;
    });
    if (chosen === -1) chosen = random.integer(sizes.length);
    centres.push(sizes[chosen]);
    for (const [i, size] of sizes.entries()) {
      distance[i] = Math.min(distance[i], 1 - sizeIou(size, sizes[chosen]));
    }
  }
  return centres;
}

function meanSize(sizes: readonly Size[]): Size {
  const sum = (side: 0 | 1) => sizes.reduce((total, size) => total + size[side], 0);
  return [sum(0) / sizes.length, sum(1) / sizes.length];
}

/** Runs until no box changes its centre; the best round counts, since means need not raise the IoU. */
function refine(sizes: readonly Size[], start: Size[]): Clustering {
  let centres = start;
  let best: Clustering = { centres, meanIou: -1 };
  let before: number[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const nearest = sizes.map((size) => closest(size, centres));
    const meanIou = nearest.reduce((sum, { iou }) => sum + iou, 0) / sizes.length;
    if (meanIou > best.meanIou) best = { centres, meanIou };
    const assigned = nearest.map(({ index }) => index);
    if (assigned.every((index, i) => index === before[i])) break;
    before = assigned;
    const groups: Size[][] = centres.map(() => []);
    for (const [i, index] of assigned.entries()) groups[index].push(sizes[i]);
    centres = groups.map((group, g) => (group.length > 0 ? meanSize(group) : centres[g]));
  }
  return best;
}

/**
 * k-means over box sizes with the distance 1 − IoU (Redmon & Farhadi, "YOLO9000", 2017), the best of
 * several seeded starts.
 *
 * @throws {OptionError} without boxes, or with sizes that are not positive.
 */
export function clusterSizes(
  sizes: readonly Size[],
  k: number,
  random: Random,
  starts = 4,
): Clustering {
  const sound = sizes.every(([w, h]) => w > 0 && h > 0 && Number.isFinite(w * h));
  if (sizes.length === 0 || !sound || !Number.isSafeInteger(k) || k < 1) {
    throw new OptionError(
      `k-means needs positive sizes and k ≥ 1, got ${sizes.length} and k = ${k}`,
    );
  }
  let best: Clustering | undefined;
  for (let start = 0; start < starts; start++) {
    const found = refine(sizes, drawCentres(sizes, k, random));
    if (!best || found.meanIou > best.meanIou) best = found;
  }
  const centres = [...best!.centres].sort((a, b) => a[0] * a[1] - b[0] * b[1]);
  return { centres, meanIou: best!.meanIou };
}

/**
 * The k behind which more groups help little: the point of the curve farthest above the straight line
 * between its ends.
 *
 * @param meanIous for k = 1, 2, …
 */
export function elbow(meanIous: readonly number[]): number {
  const last = meanIous.length - 1;
  let best = { k: 1, height: Number.NEGATIVE_INFINITY };
  for (const [i, iou] of meanIous.entries()) {
    const line = meanIous[0] + ((meanIous[last] - meanIous[0]) * i) / Math.max(1, last);
    if (iou - line > best.height + 1e-12) best = { k: i + 1, height: iou - line };
  }
  return best.k;
}
