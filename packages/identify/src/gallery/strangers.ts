import { OptionError } from "retinaface-webgpu";
import type { Gallery, GalleryThreshold } from "./gallery.js";
import type { GallerySearch } from "./search.js";
import { thresholdAtFar } from "./threshold.js";

/** Pictures beyond these tell little more, and each is compared with all. */
const MOST_TRIALS = 2000;

/**
 * Chooses the gallery's threshold on pictures of people, or animals, who are not in it.
 *
 * @param strangers their vectors
 * @param far the share of them that may be taken for somebody
 * @throws OptionError where there are none
 */
export async function thresholdFromStrangers(
  search: GallerySearch,
  strangers: readonly ArrayLike<number>[],
  far: number,
): Promise<GalleryThreshold> {
  const answers = await search.match(strangers, { limit: 1 });
  const scores = answers.flatMap(({ matches }) => matches.map(({ similarity }) => similarity));
  const value = thresholdAtFar(scores, far);
  return { value, far, trials: scores.length, strangers: "given" };
}

/**
 * Chooses the gallery's threshold on itself: every identity in turn is a stranger to the others. Where those who were enrolled
 * look less alike than strangers will (a family, a herd of one breed: the other way round), the rate on strangers is another.
 *
 * @param search of the same gallery, as it is
 * @throws OptionError for fewer than two identities
 */
export async function thresholdLeavingOut(
  gallery: Gallery,
  search: GallerySearch,
  far: number,
): Promise<GalleryThreshold> {
  if (gallery.size < 2) {
    throw new OptionError(
      "a threshold is chosen on strangers: enrol two identities at least, or give pictures of strangers",
    );
  }
  const pictures = gallery
    .list()
    .flatMap(({ id }) => gallery.vectorsOf(id).map((vector) => ({ id, vector })));
  const step = Math.max(1, pictures.length / MOST_TRIALS);
  const count = Math.ceil(pictures.length / step);
  const chosen = Array.from({ length: count }, (_, i) => pictures[Math.floor(i * step)]);
  const answers = await search.match(
    chosen.map(({ vector }) => vector),
    { limit: 2 },
  );
  const scores = answers.map(
    ({ matches }, i) => matches.find(({ id }) => id !== chosen[i].id)!.similarity,
  );
  return { value: thresholdAtFar(scores, far), far, trials: count, strangers: "left-out" };
}
