/** From which score on a labelled box is a face, and from which it is at least an ignored one. */
export interface ScoreBands {
  readonly face: number;
  readonly ignore: number;
}

/**
 * The bands of an ensemble's labels: a box of at least `face` is a face, below `ignore` it is none,
 * between them nobody can tell.
 */
export const ENSEMBLE_BANDS: ScoreBands = { face: 0.35, ignore: 0.08 };

/** What a box of this score counts as; undefined for background. */
export function bandOf(
  score: number,
  { face, ignore }: ScoreBands,
): "face" | "ignored" | undefined {
  if (score >= face) return "face";
  return score >= ignore ? "ignored" : undefined;
}
