import type { Gallery } from "../gallery/gallery.js";
import type { GallerySearch } from "../gallery/search.js";
import {
  type AnsweredQuery,
  type ClosedSet,
  type Confusion,
  confusionsOf,
  evaluateClosedSet,
  evaluateOpenSet,
  type OpenSet,
} from "./identification.js";
import type { EmbeddedPicture } from "./pairs.js";

/** What an evaluation looks for. */
export interface GalleryQueries {
  /** Pictures of identities that are enrolled. */
  readonly queries: readonly EmbeddedPicture[];
  /** Pictures of others. Where there are none, every query is a stranger to the others' identities. */
  readonly strangers: readonly EmbeddedPicture[];
}

export interface GalleryEvaluation {
  readonly closedSet: ClosedSet;
  /** Absent where there is one identity and no stranger. */
  readonly openSet?: (OpenSet & { readonly source: "given" | "left-out" }) | undefined;
  readonly confusions: readonly Confusion[];
}

/** Places of the cumulative match characteristic. */
const PLACES = 20;

/**
 * Identification with a gallery, closed and open set.
 *
 * @throws OptionError where there is no query
 */
export async function evaluateGallery(
  gallery: Gallery,
  search: GallerySearch,
  { queries, strangers }: GalleryQueries,
): Promise<GalleryEvaluation> {
  const answers = await search.match(
    queries.map(({ vector }) => vector),
    { limit: PLACES },
  );
  const answered = queries.map(
    ({ id }, i): AnsweredQuery => ({ truth: id, matches: answers[i].matches }),
  );
  const given = await bestOf(search, strangers);
  const scores = given.length > 0 ? given : leftOut(answered);
  const source = given.length > 0 ? "given" : "left-out";
  return {
    closedSet: evaluateClosedSet(answered, Math.min(PLACES, gallery.size)),
    openSet: scores.length > 0 ? { ...evaluateOpenSet(answered, scores), source } : undefined,
    confusions: confusionsOf(answered),
  };
}

async function bestOf(search: GallerySearch, strangers: readonly EmbeddedPicture[]) {
  const answers = await search.match(
    strangers.map(({ vector }) => vector),
    { limit: 1 },
  );
  return answers.flatMap(({ matches }) => matches.map(({ similarity }) => similarity));
}

/** Every query as a stranger: the similarity to the best of the other identities. */
function leftOut(answered: readonly AnsweredQuery[]): number[] {
  return answered.flatMap(({ truth, matches }) => {
    const other = matches.find(({ id }) => id !== truth);
    return other ? [other.similarity] : [];
  });
}
