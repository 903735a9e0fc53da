import { NumericError, OptionError } from "../errors.js";

/**
 * Indices of `scores` from best to worst; equal scores keep their order.
 *
 * @param limit The most indices returned.
 * @throws NumericError when a score is NaN.
 */
export function orderByScore(
  scores: ArrayLike<number>,
  limit = Number.POSITIVE_INFINITY,
): Uint32Array {
  const order = new Uint32Array(scores.length);
  for (let i = 0; i < order.length; i++) {
    if (Number.isNaN(scores[i]))
      throw new NumericError(
        `score ${i} is NaN: check that the input image and the weights are finite numbers`,
      );
    order[i] = i;
  }
  order.sort((a, b) => scores[b] - scores[a] || a - b);
  return limit < order.length ? order.subarray(0, limit) : order;
}

/**
 * Greedy non-maximum suppression in double precision.
 *
 * Boxes are taken from the best score down (equal scores: the lower index first); one is dropped
 * when its IoU with a kept box is above `threshold`. Sides count both end pixels, so a box is
 * `x2 - x1 + 1` wide, as in Fast R-CNN's original and PyTorch's RetinaFace: pass pixel coordinates.
 * Compares each box with the kept ones only, so `limit` also bounds the work: `N · limit`.
 *
 * @param boxes `[N, 4]` corners `x1, y1, x2, y2` in pixels.
 * @param scores `[N]`.
 * @param limit Stop after this many boxes are kept.
 * @param endPixel 0 where sides are continuous, `x2 - x1` wide.
 * @returns Indices of the kept boxes, best first.
 * @throws NumericError when a score or a coordinate is NaN or a coordinate infinite.
 */
export function nms(
  boxes: ArrayLike<number>,
  scores: ArrayLike<number>,
  threshold: number,
  limit = Number.POSITIVE_INFINITY,
  endPixel: 0 | 1 = 1,
): Uint32Array {
  if (boxes.length !== scores.length * 4) {
    throw new OptionError(
      `boxes must be [${scores.length}, 4] for ${scores.length} scores, got ${boxes.length} values`,
    );
  }
  const order = orderByScore(scores);
  const capacity = Math.min(order.length, limit);
  const kept = new Uint32Array(capacity);
  const keptBoxes = new Float64Array(capacity * 5);
  let count = 0;
  for (let n = 0; n < order.length && count < capacity; n++) {
    const i = order[n];
    const x1 = boxes[i * 4];
    const y1 = boxes[i * 4 + 1];
    const x2 = boxes[i * 4 + 2];
    const y2 = boxes[i * 4 + 3];
    if (!Number.isFinite(x1 + y1 + x2 + y2))
      throw new NumericError(
        `box ${i} is not finite: check that the input image and the weights are finite numbers`,
      );
    const area = (x2 - x1 + endPixel) * (y2 - y1 + endPixel);
    const box = [x1, y1, x2, y2, area] as const;
    if (overlapsKept(keptBoxes, count, box, threshold, endPixel)) continue;
    keptBoxes.set(box, count * 5);
    kept[count++] = i;
  }
  return kept.subarray(0, count);
}

function overlapsKept(
  kept: Float64Array,
  count: number,
  [x1, y1, x2, y2, area]: readonly [number, number, number, number, number],
  threshold: number,
  endPixel: 0 | 1,
): boolean {
  for (let k = 0; k < count * 5; k += 5) {
    const width = Math.min(x2, kept[k + 2]) - Math.max(x1, kept[k]) + endPixel;
    const height = Math.min(y2, kept[k + 3]) - Math.max(y1, kept[k + 1]) + endPixel;
    const intersection = Math.max(0, width) * Math.max(0, height);
    if (intersection / (area + kept[k + 4] - intersection) > threshold) return true;
  }
  return false;
}
