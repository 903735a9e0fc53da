/**
 * Verification: are two pictures of the same identity? A score is a similarity; pairs are accepted from a threshold on.
 * The measures are those of the IJB and LFW protocols (Huang et al., "Labeled Faces in the Wild", 2007; Klare et al.,
 * "Pushing the frontiers of unconstrained face detection and recognition", CVPR 2015).
 */
import { OptionError } from "retinaface-webgpu";
import { thresholdAtFar } from "../gallery/threshold.js";

/** Similarities of pairs by what they truly are. */
export interface PairScores {
  /** Of two pictures of one identity. */
  readonly genuine: ArrayLike<number>;
  /** Of pictures of two identities. */
  readonly impostor: ArrayLike<number>;
}

/** A point of the receiver operating characteristic: what is accepted from `threshold` on. */
export interface RocPoint {
  readonly threshold: number;
  /** Share of impostor pairs. */
  readonly far: number;
  /** Share of genuine pairs. */
  readonly tar: number;
}

export interface TarAtFar {
  readonly far: number;
  /** Null where there are fewer impostor pairs than 1 / far: the rate cannot be told from 0. */
  readonly tar: number | null;
  readonly threshold: number | null;
}

export interface Verification {
  readonly genuine: number;
  readonly impostor: number;
  /** Area under the characteristic: how probably a genuine pair scores above an impostor one. */
  readonly auc: number;
  /** Equal error rate: where as large a share of impostors is accepted as of genuine pairs rejected. */
  readonly eer: number;
  readonly eerThreshold: number;
  readonly tarAtFar: readonly TarAtFar[];
}

export const FALSE_ACCEPT_RATES = [1e-1, 1e-2, 1e-3, 1e-4] as const;

/** @throws OptionError for scores that are missing or not numbers */
function descending(scores: ArrayLike<number>, what: string): Float64Array {
  if (scores.length === 0) {
    throw new OptionError(`there is no ${what} pair: give two pictures of two identities at least`);
  }
  const sorted = Float64Array.from(scores).sort().reverse();
  if (sorted.some(Number.isNaN)) throw new OptionError(`a ${what} pair's score is not a number`);
  return sorted;
}

/**
 * The characteristic, a point at every distinct score from the highest down, behind one where nothing is accepted.
 *
 * @throws OptionError
 */
export function rocCurve({ genuine, impostor }: PairScores): RocPoint[] {
  const [same, other] = [descending(genuine, "genuine"), descending(impostor, "impostor")];
  const points: RocPoint[] = [{ threshold: Number.POSITIVE_INFINITY, far: 0, tar: 0 }];
  let accepted = 0;
  let mistaken = 0;
  while (accepted < same.length || mistaken < other.length) {
    const none = Number.NEGATIVE_INFINITY;
    const threshold = Math.max(same[accepted] ?? none, other[mistaken] ?? none);
    while (same[accepted] === threshold) accepted++;
    while (other[mistaken] === threshold) mistaken++;
    points.push({ threshold, far: mistaken / other.length, tar: accepted / same.length });
  }
  return points;
}

/** By trapezoids, so that equal scores count half. */
function area(points: readonly RocPoint[]): number {
  let sum = 0;
  for (let i = 1; i < points.length; i++) {
    sum += ((points[i].far - points[i - 1].far) * (points[i].tar + points[i - 1].tar)) / 2;
  }
  return sum;
}

/** Where far = 1 - tar, on the line between the two points around it. */
function equalError(points: readonly RocPoint[]): { eer: number; eerThreshold: number } {
  const gap = ({ far, tar }: RocPoint) => far - (1 - tar);
  const i = points.findIndex((point) => gap(point) >= 0);
  const [before, after] = [points[i - 1], points[i]];
  const share = -gap(before) / (gap(after) - gap(before));
  const eer = before.far + share * (after.far - before.far);
  const nearer = share < 0.5 && i > 1 ? before : after;
  return { eer, eerThreshold: nearer.threshold };
}

/** The share of genuine pairs that is accepted where at most a share `far` of impostors is. */
function tarAt({ genuine, impostor }: PairScores, far: number): TarAtFar {
  if (impostor.length * far < 1 - 1e-9) return { far, tar: null, threshold: null };
  const threshold = thresholdAtFar(impostor, far);
  let accepted = 0;
  for (let i = 0; i < genuine.length; i++) if (genuine[i] >= threshold) accepted++;
  return { far, tar: accepted / genuine.length, threshold };
}

/**
 * @param rates false-accept rates
 * @throws OptionError where there is no pair of one kind
 */
export function evaluateVerification(
  scores: PairScores,
  rates: readonly number[] = FALSE_ACCEPT_RATES,
): Verification {
  const points = rocCurve(scores);
  return {
    genuine: scores.genuine.length,
    impostor: scores.impostor.length,
    auc: area(points),
    ...equalError(points),
    tarAtFar: rates.map((far) => tarAt(scores, far)),
  };
}
