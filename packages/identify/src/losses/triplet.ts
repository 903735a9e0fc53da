/**
 * Triplet loss with semi-hard mining (Schroff et al., "FaceNet", CVPR 2015): for each anchor and each other image of its
 * identity the nearest negative that is farther than that image, or where there is none the farthest of all. Memory for
 * `n³` numbers for a batch of n images while the negatives are chosen, and no gradient through the choice.
 */
import {
  addScalar,
  argmax,
  argmin,
  cast,
  div,
  equal,
  eye,
  gatherElements,
  greater,
  matmul,
  max,
  maximum,
  mul,
  mulScalar,
  normalize,
  relu,
  reshape,
  sub,
  sum,
  type Tensor,
  where,
} from "@retinaface-webgpu/tensor";
import { OptionError } from "retinaface-webgpu";

/** Options of `tripletLoss`. */
export interface TripletOptions {
  /** By how much a negative's squared distance should be larger; 0.2 by default. */
  readonly margin?: number | undefined;
}

/** Figures of the triplet loss, one element each. */
export interface TripletLoss {
  readonly total: Tensor;
  /** Share of the triplets that the loss moves; without a gradient. */
  readonly active: Tensor;
}

/** More than any squared distance between unit vectors, which is 4 at most. */
const FAR = 1e3;

/** Squared Euclidean distances between unit vectors, `[n, n]`. */
function squaredDistances(vectors: Tensor): Tensor {
  const products = matmul(vectors, vectors, { transposeB: true });
  return maximum(addScalar(mulScalar(products, -2), 2), 0);
}

/**
 * For each pair (anchor, other) of `[n, n]` the negative that its triplet takes.
 *
 * @param distances `[n, n]`, without a gradient @param different `[n, n]`: 1 where identities differ
 * @returns `[n, n]` i32
 */
function semiHard(distances: Tensor, different: Tensor): Tensor {
  const [n] = distances.shape;
  const ofNegative = reshape(distances, [n, 1, n]);
  const isNegative = reshape(different, [n, 1, n]);
  const farther = greater(ofNegative, reshape(distances, [n, n, 1]));
  const candidates = where(mul(farther, isNegative), ofNegative, FAR);
  const nearest = argmin(candidates, 2);
  const found = gatherElements(candidates, reshape(nearest, [n, n, 1]), 2);
  const farthest = reshape(argmax(where(different, distances, -1), 1), [n, 1]);
  return where(greater(reshape(found, [n, n]), FAR / 2), farthest, nearest);
}

/**
 * Mean of max(0, margin + d(anchor, positive) − d(anchor, negative)) over all pairs of one identity, d being the squared
 * distance of the normalised embeddings; 0 where a batch has no such pair, or but one identity.
 *
 * @param embeddings `[n, dimension]`, of any length @param labels `[n]` i32
 * @throws {OptionError} for a margin that is no positive number
 */
export function tripletLoss(
  embeddings: Tensor,
  labels: Tensor,
  { margin = 0.2 }: TripletOptions = {},
): TripletLoss {
  if (!(margin > 0 && margin < 4)) {
    throw new OptionError(`the margin of triplets must be between 0 and 4, not ${margin}`);
  }
  const [n] = embeddings.shape;
  const distances = squaredDistances(normalize(embeddings));
  const same = cast(equal(reshape(labels, [n, 1]), reshape(labels, [1, n])), "f32");
  const different = addScalar(mulScalar(same, -1), 1);
  const negatives = semiHard(distances.detach(), different);
  const losses = relu(addScalar(sub(distances, gatherElements(distances, negatives, 1)), margin));
  const hasNegative = max(different, { axes: [1], keepDims: true });
  const pairs = mul(sub(same, eye(embeddings.device, n)), hasNegative);
  const count = maximum(sum(pairs), 1);
  const moved = mul(cast(greater(losses.detach(), 0), "f32"), pairs);
  return { total: div(sum(mul(losses, pairs)), count), active: div(sum(moved), count) };
}
