import {
  add,
  addScalar,
  clamp,
  div,
  exp,
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
  /** 1 − GIoU (Rezatofighi et al. 2019) of the boxes themselves, as torchvision's second RetinaNet. */
  | { readonly kind: "giou"; readonly variances: readonly [centre: number, size: number] };

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
  /** `[B, N, 1]` */
  readonly area: Tensor;
}

const product = (sides: Tensor) => mul(narrow(sides, -1, 0, 1), narrow(sides, -1, 1, 1));

function cornersOf(offsets: Tensor, [centre, size]: readonly [number, number]): Corners {
  const centres = mulScalar(narrow(offsets, -1, 0, 2), centre);
  const growth = clamp(mulScalar(narrow(offsets, -1, 2, 2), size), -MOST_GROWTH, MOST_GROWTH);
  const sides = exp(growth);
  const half = mulScalar(sides, 0.5);
  return { upper: sub(centres, half), lower: add(centres, half), area: product(sides) };
}

/** 1 − GIoU of each box, `[B, N, 1]`. */
function giouDistance(a: Corners, b: Corners): Tensor {
  const shared = sub(minimum(a.lower, b.lower), maximum(a.upper, b.upper));
  const overlap = product(relu(shared));
  const union = sub(add(a.area, b.area), overlap);
  const around = product(sub(maximum(a.lower, b.lower), minimum(a.upper, b.upper)));
  const empty = div(sub(around, union), around);
  return addScalar(sub(empty, div(overlap, union)), 1);
}

/** A loss of boxes, of which {@link BoxLoss} says which: one number, summed by the targets' weights. */
export function boxLoss(loss: BoxLoss, prediction: Tensor, { values, weights }: Targets): Tensor {
  switch (loss.kind) {
    case "giou": {
      const found = cornersOf(prediction, loss.variances);
      return sum(mul(giouDistance(found, cornersOf(values, loss.variances)), weights));
    }
    case "l1":
      return sum(mul(l1Loss(prediction, values, { reduction: "none" }), weights));
    default:
      return sum(mul(smoothL1Loss(prediction, values, { reduction: "none" }), weights));
  }
}
