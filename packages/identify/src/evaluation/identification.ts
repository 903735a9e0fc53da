/**
 * Identification: who of the gallery is it (closed set), and is it anybody (open set)? Measures and names follow Grother and
 * Ngan, "Face Recognition Vendor Test: Performance of face identification algorithms", NIST IR 8009, 2014.
 */
import { OptionError } from "retinaface-webgpu";
import { thresholdAtFar } from "../gallery/threshold.js";
import type { Match } from "../gallery/top.js";

/** A query with what the gallery answers. */
export interface AnsweredQuery {
  /** Who it truly is. */
  readonly truth: string;
  /** Best first. */
  readonly matches: readonly Match[];
}

/** The place of the true identity among the matches, from 1 on; infinite where it is not among them. */
export function rankOf({ truth, matches }: AnsweredQuery): number {
  const place = matches.findIndex(({ id }) => id === truth);
  return place === -1 ? Number.POSITIVE_INFINITY : place + 1;
}

export interface ClosedSet {
  readonly queries: number;
  readonly identities: number;
  readonly rank1: number;
  readonly rank5: number;
  /** Cumulative match characteristic: the share of queries whose identity is among the first k matches, k = 1, 2, … */
  readonly cmc: readonly number[];
  /** Mean of the identities' own rank-1 rates: as rank-1 where all have as many queries. */
  readonly rank1ByIdentity: number;
}

/**
 * @param queries of identities that are in the gallery, with as many matches as the characteristic has places
 * @throws OptionError where there are none
 */
export function evaluateClosedSet(queries: readonly AnsweredQuery[], places = 20): ClosedSet {
  if (queries.length === 0) throw new OptionError("there is no query whose identity is enrolled");
  const ranks = queries.map(rankOf);
  const within = (place: number) => ranks.filter((rank) => rank <= place).length / ranks.length;
  const byIdentity = new Map<string, { right: number; of: number }>();
  for (const [i, { truth }] of queries.entries()) {
    const counted = byIdentity.get(truth) ?? { right: 0, of: 0 };
    byIdentity.set(truth, { right: counted.right + Number(ranks[i] === 1), of: counted.of + 1 });
  }
  const rates = [...byIdentity.values()].map(({ right, of }) => right / of);
  return {
    queries: queries.length,
    identities: byIdentity.size,
    rank1: within(1),
    rank5: within(5),
    cmc: Array.from({ length: places }, (_, k) => within(k + 1)),
    rank1ByIdentity: rates.reduce((sum, rate) => sum + rate, 0) / rates.length,
  };
}

export interface DirAtFar {
  /** False-accept rate: share of strangers' pictures that are taken for somebody. */
  readonly far: number;
  /**
   * Detection and identification rate: share of queries whose identity is the best match, from the threshold on. Null where
   * there are fewer strangers' pictures than 1 / far.
   */
  readonly dir: number | null;
  readonly threshold: number | null;
}

export interface OpenSet {
  readonly known: number;
  readonly strangers: number;
  readonly dirAtFar: readonly DirAtFar[];
  /** For a plot: a point at every stranger's score. */
  readonly curve: readonly { readonly far: number; readonly dir: number }[];
}

export const OPEN_SET_RATES = [1e-1, 1e-2, 1e-3] as const;

/**
 * @param known queries of identities in the gallery
 * @param strangers similarity of each stranger's picture to whom it is most similar to
 * @throws OptionError where there is none of one kind
 */
export function evaluateOpenSet(
  known: readonly AnsweredQuery[],
  strangers: ArrayLike<number>,
  rates: readonly number[] = OPEN_SET_RATES,
): OpenSet {
  if (known.length === 0) throw new OptionError("there is no query whose identity is enrolled");
  if (strangers.length === 0) throw new OptionError("there is no stranger's picture");
  const scores = known.map((query) =>
    rankOf(query) === 1 ? query.matches[0].similarity : Number.NEGATIVE_INFINITY,
  );
  const at = (far: number): DirAtFar => {
    if (strangers.length * far < 1 - 1e-9) return { far, dir: null, threshold: null };
    const threshold = thresholdAtFar(strangers, far);
    const right = scores.filter((score) => score >= threshold).length;
    return { far, dir: right / scores.length, threshold };
  };
  return {
    known: known.length,
    strangers: strangers.length,
    dirAtFar: rates.map(at),
    curve: openSetCurve(scores, strangers),
  };
}

function openSetCurve(scores: readonly number[], strangers: ArrayLike<number>): OpenSet["curve"] {
  const right = Float64Array.from(scores).sort().reverse();
  const wrong = Float64Array.from(strangers).sort().reverse();
  const curve: { far: number; dir: number }[] = [];
  let found = 0;
  for (let accepted = 0; accepted < wrong.length; ) {
    const threshold = wrong[accepted];
    while (wrong[accepted] === threshold) accepted++;
    while (right[found] >= threshold) found++;
    curve.push({ far: accepted / wrong.length, dir: found / right.length });
  }
  return curve;
}

/** A query that is taken for another. */
export interface Confusion {
  /** Which query, as they were given. */
  readonly query: number;
  readonly truth: string;
  readonly taken: string;
  readonly similarity: number;
  /** To the true identity, where that is among the matches. */
  readonly own: number | undefined;
}

/** The queries whose best match is another identity, the surest mistakes first. */
export function confusionsOf(queries: readonly AnsweredQuery[]): Confusion[] {
  return queries
    .flatMap((query, i): Confusion[] => {
      const [best] = query.matches;
      if (best === undefined || best.id === query.truth) return [];
      const own = query.matches.find(({ id }) => id === query.truth)?.similarity;
      const { id: taken, similarity } = best;
      return [{ query: i, truth: query.truth, taken, similarity, own }];
    })
    .sort((a, b) => b.similarity - a.similarity);
}
