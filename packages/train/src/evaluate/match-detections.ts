import type { FaceRecord } from "../data/record.js";
import { boxIou, byScore, type Detections } from "./detections.js";

/** What a detection turned out to be. */
export const VERDICT = { miss: 0, hit: 1, ignored: -1 } as const;

/** The detections of one image held against its labels. */
export interface MatchedDetections {
  /** `[n]`: scores, best first. */
  readonly scores: Float64Array;
  /** `[n]`: the index of each in the original detections. */
  readonly order: readonly number[];
  /** `[n]`: the face each overlaps most, or −1 for none at all. */
  readonly face: Int32Array;
  /** `[n]`: that IoU. */
  readonly iou: Float64Array;
}

/** Finds for each detection, best first, the face it overlaps most (the first of equals). */
export function overlapDetections(record: FaceRecord, detections: Detections): MatchedDetections {
  const order = byScore(detections.scores);
  const face = new Int32Array(order.length).fill(-1);
  const iou = new Float64Array(order.length);
  for (const [n, d] of order.entries()) {
    for (let f = 0; f < record.labels.length; f++) {
      const overlap = boxIou(detections.boxes, d, record.boxes, f);
      if (overlap <= iou[n]) continue;
      iou[n] = overlap;
      face[n] = f;
    }
  }
  return { scores: Float64Array.from(order, (d) => detections.scores[d]), order, face, iou };
}

/**
 * Judges detections by Pascal VOC's rule: of those that overlap a face most and by at least
 * `threshold`, the best finds it and the others are misses; detections of ignored faces do not count.
 *
 * @returns [n]: a {@link VERDICT} each, in the order of `matched`
 */
export function judgeDetections(
  record: FaceRecord,
  matched: MatchedDetections,
  threshold: number,
): Int8Array {
  const found = new Uint8Array(record.labels.length);
  return Int8Array.from(matched.face, (face, n) => {
    if (face === -1 || matched.iou[n] < threshold) return VERDICT.miss;
    if (record.ignored[face]) return VERDICT.ignored;
    if (found[face]) return VERDICT.miss;
    found[face] = 1;
    return VERDICT.hit;
  });
}
