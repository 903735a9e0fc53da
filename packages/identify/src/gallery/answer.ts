import { OptionError } from "retinaface-webgpu";
import type { Match } from "./top.js";

export interface MatchOptions {
  /** How many identities are told for each face; default 5. */
  readonly limit?: number | undefined;
  /** From which similarity on a face is somebody; default the gallery's. */
  readonly threshold?: number | undefined;
}

/** Whom a face is like, and who it is. */
export interface Answer {
  /** Best first, also those below the threshold: what one may be is shown, not decided. */
  readonly matches: readonly Match[];
  /** Who it is; null: nobody in the gallery. Undefined without a threshold: nothing tells likeness from sameness. */
  readonly identity: string | null | undefined;
}

const LIMIT = 5;

/** @throws OptionError */
export function checkMatch({ limit = LIMIT, threshold }: MatchOptions) {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new OptionError(`limit must be a whole number of at least 1, got ${limit}`);
  }
  if (threshold !== undefined && !Number.isFinite(threshold)) {
    throw new OptionError(`threshold must be a number, got ${threshold}`);
  }
  return { limit, threshold };
}

/** What the best matches come to. */
export function answerOf(matches: readonly Match[], threshold: number | undefined): Answer {
  if (threshold === undefined) return { matches, identity: undefined };
  const [best] = matches;
  return { matches, identity: best && best.similarity >= threshold ? best.id : null };
}
