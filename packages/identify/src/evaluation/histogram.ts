import { OptionError } from "retinaface-webgpu";

/** Shares of scores in bins of one width. */
export interface Histogram {
  readonly from: number;
  readonly width: number;
  /** [bins]; they add up to 1. */
  readonly shares: Float64Array;
}

/**
 * Counts scores in bins from `from` to `to`, each with its lower end; the last with both. Scores beyond are counted in the
 * outermost.
 *
 * @throws OptionError
 */
export function histogram(
  scores: ArrayLike<number>,
  { from = -1, to = 1, bins = 100 } = {},
): Histogram {
  if (!Number.isSafeInteger(bins) || bins < 1 || !(to > from)) {
    throw new OptionError(
      `a histogram has one bin at least and a range, got ${bins} of ${from} to ${to}`,
    );
  }
  const shares = new Float64Array(bins);
  const width = (to - from) / bins;
  for (let i = 0; i < scores.length; i++) {
    const bin = Math.floor((scores[i] - from) / width);
    shares[Math.min(bins - 1, Math.max(0, bin))] += 1 / scores.length;
  }
  return { from, width, shares };
}

/** The outline of a histogram's bars, as points of a line. */
export function outline({ from, width, shares }: Histogram): [number, number][] {
  return [...shares].flatMap((share, i): [number, number][] => [
    [from + i * width, share],
    [from + (i + 1) * width, share],
  ]);
}
