/**
 * Adaptive Training Sample Selection (Zhang et al., "Bridging the Gap Between Anchor-based and Anchor-free Detection via
 * Adaptive Training Sample Selection", 2020): each face has a threshold of its own, from the IoUs of the priors near it.
 */
import { BOX_NUMBERS } from "retinaface-webgpu";
import { boxOf, CORNER_ROW } from "./overlaps.js";

/** What priors are closest to. */
export interface Assignment {
  /** `[N]`: the face each prior is closest to, and their IoU (2 where the face claims it). */
  readonly face: Int32Array;
  readonly overlap: Float64Array;
}

/** The overlap of a prior that a face claims. */
export const CLAIMED = 2;

/** Priors of one size that may be a face's: the nearest ones, as the paper has them. */
const CANDIDATES = 9;

/** Priors by their size, which stand for a level's anchors of one kind. */
function bySize(priors: Float32Array): number[][] {
  const groups = new Map<string, number[]>();
  for (let p = 0, at = 0; at < priors.length; p++, at += BOX_NUMBERS) {
    const size = `${priors[at + 2]} ${priors[at + 3]}`;
    const group = groups.get(size);
    if (group) group.push(p);
    else groups.set(size, [p]);
  }
  return [...groups.values()];
}

interface Near {
  readonly prior: number;
  readonly distance: number;
}

/** Puts a prior among the nearest, which are in order; of equal ones the first come stay before. */
function insert(nearest: Near[], prior: number, distance: number): void {
  if (nearest.length === CANDIDATES && distance >= nearest[CANDIDATES - 1].distance) return;
  let at = nearest.length;
  while (at > 0 && distance < nearest[at - 1].distance) at--;
  nearest.splice(at, 0, { prior, distance });
  if (nearest.length > CANDIDATES) nearest.pop();
}

/** The priors of one size whose centres are nearest to a point. */
function nearestOf(group: readonly number[], priors: Float32Array, x: number, y: number): Near[] {
  const nearest: Near[] = [];
  for (const prior of group) {
    const dx = priors[prior * BOX_NUMBERS] - x;
    const dy = priors[prior * BOX_NUMBERS + 1] - y;
    insert(nearest, prior, dx * dx + dy * dy);
  }
  return nearest;
}

function iouOf(corners: Float64Array, prior: number, [x1, y1, x2, y2]: Float32Array): number {
  const at = prior * CORNER_ROW;
  const width = Math.min(x2, corners[at + 2]) - Math.max(x1, corners[at]);
  const height = Math.min(y2, corners[at + 3]) - Math.max(y1, corners[at + 1]);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / ((x2 - x1) * (y2 - y1) + corners[at + 4] - shared);
}

/** Mean and standard deviation (of a sample, as the published code has it) together. */
function thresholdOf(ious: readonly number[]): number {
  const mean = ious.reduce((sum, iou) => sum + iou, 0) / ious.length;
  const squares = ious.reduce((sum, iou) => sum + (iou - mean) ** 2, 0);
  return mean + Math.sqrt(squares / Math.max(1, ious.length - 1));
}

/**
 * Of each size of prior the nine nearest to a face's centre are candidates. Those whose IoU reaches mean plus deviation of
 * the candidates' and whose centre lies in the face are the face's, and a prior of several that of the largest IoU. A face
 * without any gets the candidate that it overlaps most, unless another has it: faces smaller than a cell may have no
 * centre in them, and the paper leaves these out.
 */
export function assignAdaptively(
  priors: Float32Array,
  corners: Float64Array,
  boxes: Float32Array,
  faces: readonly number[],
): Assignment {
  const count = corners.length / CORNER_ROW;
  const face = new Int32Array(count).fill(-1);
  const overlap = new Float64Array(count);
  const groups = bySize(priors);
  const lone: { face: number; prior: number }[] = [];
  for (const f of faces) {
    const box = boxOf(boxes, f);
    const [x1, y1, x2, y2] = box;
    const near = groups.flatMap((g) => nearestOf(g, priors, (x1 + x2) / 2, (y1 + y2) / 2));
    const found = near.map(({ prior }) => ({ prior, iou: iouOf(corners, prior, box) }));
    const threshold = thresholdOf(found.map(({ iou }) => iou));
    const own = found.filter(({ prior, iou }) => {
      const [x, y] = priors.subarray(prior * BOX_NUMBERS, prior * BOX_NUMBERS + 2);
      return iou > 0 && iou >= threshold && x > x1 && x < x2 && y > y1 && y < y2;
    });
    for (const { prior, iou } of own) {
      if (iou <= overlap[prior]) continue;
      overlap[prior] = iou;
      face[prior] = f;
    }
    const best = found.reduce((a, b) => (b.iou > a.iou ? b : a));
    if (own.length === 0 && best.iou > 0) lone.push({ face: f, prior: best.prior });
  }
  for (const claim of lone) if (face[claim.prior] < 0) face[claim.prior] = claim.face;
  return { face, overlap: Float64Array.from(face, (f) => (f < 0 ? 0 : CLAIMED)) };
}
