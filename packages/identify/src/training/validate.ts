import { groupBy } from "../data/group.js";

/** Vectors of length 1, one after the other, and whom each shows. */
export interface LabelledVectors {
  /** `[identities.length, dimension]` */
  readonly vectors: Float32Array;
  readonly identities: readonly string[];
}

/** What identification comes to. */
export interface RankFigures {
  /** Share of the queries whose nearest enrolled identity is their own. */
  readonly rank1: number;
  /** Share of those with it among the nearest five. */
  readonly rank5: number;
  readonly queries: number;
  /** Enrolled. */
  readonly identities: number;
}

/** The pictures of each identity, its first `most`, as their mean of length 1. */
export function enrolMeans(
  { vectors, identities }: LabelledVectors,
  most = Number.POSITIVE_INFINITY,
): LabelledVectors {
  const dimension = identities.length > 0 ? vectors.length / identities.length : 0;
  const rows = groupBy([...identities.keys()], (row) => identities[row]);
  const means = new Float32Array(rows.size * dimension);
  for (const [place, own] of [...rows.values()].entries()) {
    const mean = means.subarray(place * dimension, (place + 1) * dimension);
    for (const row of own.slice(0, most)) {
      for (let i = 0; i < dimension; i++) mean[i] += vectors[row * dimension + i];
    }
    const length = Math.hypot(...mean) || 1;
    for (let i = 0; i < dimension; i++) mean[i] /= length;
  }
  return { vectors: means, identities: [...rows.keys()] };
}

/**
 * Closed-set identification: each query's enrolled identities by their cosine. Queries of nobody who is enrolled are left out.
 *
 * @param enrolled a vector for each identity
 */
export function identify(enrolled: LabelledVectors, queries: LabelledVectors): RankFigures {
  const { identities } = enrolled;
  const dimension = identities.length > 0 ? enrolled.vectors.length / identities.length : 0;
  let [first, five, count] = [0, 0, 0];
  for (const [row, identity] of queries.identities.entries()) {
    const own = identities.indexOf(identity);
    if (own < 0) continue;
    count++;
    const query = queries.vectors.subarray(row * dimension, (row + 1) * dimension);
    const similarity = (at: number) => {
      let sum = 0;
      for (let i = 0; i < dimension; i++) sum += query[i] * enrolled.vectors[at * dimension + i];
      return sum;
    };
    const wanted = similarity(own);
    let better = 0;
    for (let at = 0; at < identities.length; at++) {
      if (at !== own && similarity(at) >= wanted) better++;
    }
    if (better === 0) first++;
    if (better < 5) five++;
  }
  return {
    rank1: count === 0 ? 0 : first / count,
    rank5: count === 0 ? 0 : five / count,
    queries: count,
    identities: identities.length,
  };
}
