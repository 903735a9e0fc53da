import { type GalleryRows, SOFTNESS } from "./gallery.js";

/** Somebody whom a face may be. */
export interface Match {
  readonly id: string;
  /** Cosine of the angle between the vectors, -1 to 1. */
  readonly similarity: number;
}

/**
 * The identities that are most similar, best first, the one that was enrolled earlier first of equals. Several rows of an
 * identity answer as `combine` says.
 *
 * @param similarities [rows · queries] of all rows to all queries
 * @param query which of them
 */
export function topMatches(
  { ids, owners, combine }: Pick<GalleryRows, "ids" | "owners" | "combine">,
  similarities: Float32Array,
  { query, queries, limit }: { query: number; queries: number; limit: number },
): Match[] {
  const found: { owner: number; similarity: number }[] = [];
  const offer = (owner: number, similarity: number) => {
    if (found.length === limit && !(similarity > found[limit - 1].similarity)) return;
    let place = found.length;
    while (place > 0 && similarity > found[place - 1].similarity) place--;
    found.splice(place, 0, { owner, similarity });
    if (found.length > limit) found.pop();
  };
  for (let first = 0, end = 0; first < owners.length; first = end) {
    let best = Number.NEGATIVE_INFINITY;
    for (; owners[end] === owners[first]; end++) {
      best = Math.max(best, similarities[end * queries + query]);
    }
    if (combine !== "soft") {
      offer(owners[first], best);
      continue;
    }
    let sum = 0;
    for (let row = first; row < end; row++) {
      sum += Math.exp(SOFTNESS * (similarities[row * queries + query] - best));
    }
    offer(owners[first], best + Math.log(sum / (end - first)) / SOFTNESS);
  }
  return found.map(({ owner, similarity }) => ({ id: ids[owner], similarity }));
}
