import type { GalleryRows } from "./gallery.js";

/** Somebody whom a face may be. */
export interface Match {
  readonly id: string;
  /** Cosine of the angle between the vectors, -1 to 1. */
  readonly similarity: number;
}

/**
 * The identities that are most similar, best first, the one that was enrolled earlier first of equals. Of an identity with
 * several rows the most similar counts.
 *
 * @param similarities [rows · queries] of all rows to all queries
 * @param query which of them
 */
export function topMatches(
  { ids, owners }: Pick<GalleryRows, "ids" | "owners">,
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
  for (let row = 0; row < owners.length; ) {
    const owner = owners[row];
    let best = Number.NEGATIVE_INFINITY;
    for (; row < owners.length && owners[row] === owner; row++) {
      best = Math.max(best, similarities[row * queries + query]);
    }
    offer(owner, best);
  }
  return found.map(({ owner, similarity }) => ({ id: ids[owner], similarity }));
}
