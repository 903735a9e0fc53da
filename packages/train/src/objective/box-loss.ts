import {
  add,
  addScalar,
  clamp,
  div,
  exp,
  full,
  l1Loss,
  maximum,
  minimum,
  mul,
  mulScalar,
  narrow,
  relu,
  smoothL1Loss,
  sub,
  sum,
  type Tensor,
} from "@retinaface-webgpu/tensor";

/** How far boxes are from their targets. */
export type BoxLoss =
  /** Of the encoded numbers: as the published training (`smooth-l1`), as torchvision's RetinaNet (`l1`). */
  | { readonly kind: "smooth-l1" | "l1" }
  /**
   * Of the boxes themselves: 1 − GIoU (Rezatofighi et al. 2019), as torchvision's second RetinaNet, or 1 − DIoU (Zheng et
   * al., "Distance-IoU Loss", 2020), or YuNet's EIoU (Peng and Yu, "Extended-IoU Loss", 2021), whose overlap of boxes apart is
   * below zero, smoothed where it is nearly 1.
   */
  | { readonly kind: OverlapLoss; readonly variances: Variances };

/** Losses of boxes themselves. */
export const OVERLAP_LOSSES = ["giou", "diou", "eiou"] as const;
export type OverlapLoss = (typeof OVERLAP_LOSSES)[number];

/** Names of {@link BoxLoss}. */
export const BOX_LOSSES = ["smooth-l1", "l1", ...OVERLAP_LOSSES] as const;

/** Variances of the box codec. */
export type Variances = readonly [centre: number, size: number];

/** Targets of a head, `[B, N, width]`, and their weights, `[B, N, 1]`. */
interface Targets {
  readonly values: Tensor;
  readonly weights: Tensor;
}

/** Logarithm of the most that a side is believed to be of its prior's. */
const MOST_GROWTH = Math.log(1000 / 16);

/** Boxes relative to their priors: where centres and sides are of a prior's, GIoU is what it is in pixels. */
interface Corners {
  /** `[B, N, 2]` */
  readonly upper: Tensor;
  readonly lower: Tensor;
  readonly centre: Tensor;
  /** `[B, N, 1]` */
  readonly area: Tensor;
}

const product = (sides: Tensor) => mul(narrow(sides, -1, 0, 1), narrow(sides, -1, 1, 1));

function cornersOf(offsets: Tensor, [centre, size]: Variances): Corners {
  const centres = mulScalar(narrow(offsets, -1, 0, 2), centre);
  const growth = clamp(mulScalar(narrow(offsets, -1, 2, 2), size), -MOST_GROWTH, MOST_GROWTH);
  const sides = exp(growth);
  const half = mulScalar(sides, 0.5);
  const [upper, lower] = [sub(centres, half), add(centres, half)];
  return { upper, lower, centre: centres, area: product(sides) };
}

/** Intersection and union of boxes, `[B, N, 1]` each. */
function intersectionOf(a: Corners, b: Corners): { overlap: Tensor; union: Tensor } {
  const shared = sub(minimum(a.lower, b.lower), maximum(a.upper, b.upper));
  const overlap = product(relu(shared));
  return { overlap, union: sub(add(a.area, b.area), overlap) };
}

/** Sides of the smallest box around both, `[B, N, 2]`. */
const sidesAround = (a: Corners, b: Corners) =>
  sub(maximum(a.lower, b.lower), minimum(a.upper, b.upper));

/** 1 − GIoU of each box, `[B, N, 1]`. */
function giouDistance(a: Corners, b: Corners): Tensor {
  const { overlap, union } = intersectionOf(a, b);
  const around = product(sidesAround(a, b));
  const empty = div(sub(around, union), around);
  return addScalar(sub(empty, div(overlap, union)), 1);
}

/** 1 − DIoU of each box, `[B, N, 1]`: its penalty is the centres' distance over the diagonal around both, squared. */
function diouDistance(a: Corners, b: Corners): Tensor {
  const { overlap, union } = intersectionOf(a, b);
  const squared = (sides: Tensor) => sum(mul(sides, sides), { axes: [-1], keepDims: true });
  const apart = div(squared(sub(a.centre, b.centre)), squared(sidesAround(a, b)));
  return addScalar(sub(apart, div(overlap, union)), 1);
}

/** 1 − EIoU up to which the loss is a parabola, as YuNet was trained. */
const SMOOTH_EIOU = 0.1;

/**
 * 1 − EIoU of each box, `[B, N, 1]`, smoothed. From the upper left corner around both boxes the nearer and farther corners
 * of what they share span four rectangles, whose sum with signs is the intersection; of boxes apart it is negative, and the
 * more so the further apart they are.
 */
function eiouDistance(a: Corners, b: Corners): Tensor {
  const around = minimum(a.upper, b.upper);
  const [low, high] = [maximum(a.upper, b.upper), minimum(a.lower, b.lower)];
  const [near, far] = [minimum(low, high), maximum(low, high)].map((at) => sub(at, around));
  const [left, right] = [sub(low, around), sub(high, around)];
  const cross = (x: Tensor, y: Tensor) => mul(narrow(x, -1, 0, 1), narrow(y, -1, 1, 1));
  const whole = add(product(right), product(near));
  const shared = sub(sub(whole, cross(left, far)), cross(far, left));
  const overlap = div(shared, sub(add(a.area, b.area), shared));
  const best = full(overlap.device, overlap.shape, 1);
  return smoothL1Loss(overlap, best, { beta: SMOOTH_EIOU, reduction: "none" });
}

const DISTANCES = { giou: giouDistance, diou: diouDistance, eiou: eiouDistance };

/** IoU of encoded boxes and their encoded targets, `[B, N, 1]`. */
export function iouOfEncoded(prediction: Tensor, target: Tensor, variances: Variances): Tensor {
  const { overlap, union } = intersectionOf(
    cornersOf(prediction, variances),
    cornersOf(target, variances),
  );
  return div(overlap, union);
}

/** A loss of boxes, of which {@link BoxLoss} says which: one number, summed by the targets' weights. */
export function boxLoss(loss: BoxLoss, prediction: Tensor, { values, weights }: Targets): Tensor {
  switch (loss.kind) {
    case "giou":
    case "diou":
    case "eiou": {
      const [found, wanted] = [prediction, values].map((box) => cornersOf(box, loss.variances));
      return sum(mul(DISTANCES[loss.kind](found, wanted), weights));
    }
    case "l1":
      return sum(mul(l1Loss(prediction, values, { reduction: "none" }), weights));
    default:
      return sum(mul(smoothL1Loss(prediction, values, { reduction: "none" }), weights));
  }
}
