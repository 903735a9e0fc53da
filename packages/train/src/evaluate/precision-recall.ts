/** One point of a precision–recall curve: what is found at scores of at least `threshold`. */
export interface PrPoint {
  readonly threshold: number;
  readonly precision: number;
  readonly recall: number;
}

/**
 * A precision–recall curve with a point at every distinct score, from the highest down, so that
 * equal scores count together whatever their order.
 *
 * @param scores of the detections that count
 * @param hits [n]: 1 where a detection found a face
 * @param faces number of faces to be found
 */
export function precisionRecall(
  scores: ArrayLike<number>,
  hits: ArrayLike<number>,
  faces: number,
): PrPoint[] {
  const order = Array.from({ length: scores.length }, (_, i) => i);
  order.sort((a, b) => scores[b] - scores[a]);
  const points: PrPoint[] = [];
  let found = 0;
  for (const [n, i] of order.entries()) {
    found += hits[i];
    if (n + 1 < order.length && scores[order[n + 1]] === scores[i]) continue;
    points.push({
      threshold: scores[i],
      precision: found / (n + 1),
      recall: faces === 0 ? 0 : found / faces,
    });
  }
  return points;
}

/** Precision made non-increasing in recall: the best at any recall as high. */
function envelope(points: readonly Pick<PrPoint, "precision">[]): Float64Array {
  const best = Float64Array.from(points, (point) => point.precision);
  for (let i = best.length - 2; i >= 0; i--) best[i] = Math.max(best[i], best[i + 1]);
  return best;
}

/**
 * Area under the precision–recall curve, all points (Pascal VOC from 2010 on).
 * @param points recall non-decreasing
 */
export function averagePrecision(points: readonly Pick<PrPoint, "precision" | "recall">[]): number {
  const best = envelope(points);
  let area = 0;
  let before = 0;
  for (const [i, { recall }] of points.entries()) {
    area += (recall - before) * best[i];
    before = recall;
  }
  return area;
}

/** Mean of the best precision at recalls 0, 0.1, … 1 (Pascal VOC 2007). */
export function elevenPointAp(points: readonly Pick<PrPoint, "precision" | "recall">[]): number {
  const best = envelope(points);
  let sum = 0;
  for (let t = 0; t <= 10; t++) {
    const at = points.findIndex(({ recall }) => recall * 10 >= t - 1e-9);
    if (at !== -1) sum += best[at];
  }
  return sum / 11;
}

/** The point of the highest recall whose precision is at least `precision`, if there is one. */
export function recallAtPrecision(
  points: readonly PrPoint[],
  precision: number,
): PrPoint | undefined {
  let best: PrPoint | undefined;
  for (const point of points) {
    if (point.precision >= precision && point.recall > (best?.recall ?? 0)) best = point;
  }
  return best;
}

/** Harmonic mean of precision and recall. */
export function f1Score({ precision, recall }: Pick<PrPoint, "precision" | "recall">): number {
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

/** The point of the highest F1, the first of equals. */
export function bestF1(points: readonly PrPoint[]): PrPoint | undefined {
  let best: PrPoint | undefined;
  for (const point of points) {
    if (!best || f1Score(point) > f1Score(best)) best = point;
  }
  return best;
}
