/** Quantiles 0.975 of Student's distribution with 1, 2, … degrees of freedom. */
const STUDENT = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/** Mean and standard deviation (of a sample, n − 1). */
export interface Spread {
  readonly n: number;
  readonly mean: number;
  /** NaN for a single value. */
  readonly deviation: number;
}

export function spreadOf(values: readonly number[]): Spread {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { n, mean, deviation: n > 1 ? Math.sqrt(squares / (n - 1)) : Number.NaN };
}

/** Whether it holds that one row is better than another. */
export type Verdict = "holds" | "does not hold" | "cannot be told";

/**
 * A paired t-test over the seeds, two-sided at 5 %: the mean of the differences (one for each seed that both rows have)
 * must be further from zero than t · deviation / √n. Above, the claim holds; below, the opposite does; between, or with
 * fewer than two seeds, it cannot be told.
 */
export function judge(differences: readonly number[]): Verdict {
  const { n, mean, deviation } = spreadOf(differences);
  if (n < 2) return "cannot be told";
  const t = STUDENT[Math.min(n - 1, STUDENT.length) - 1];
  if (Math.abs(mean) <= (t * deviation) / Math.sqrt(n)) return "cannot be told";
  return mean > 0 ? "holds" : "does not hold";
}
