/** How far `actual` may be from `expected`: |actual - expected| ≤ atol + rtol·|expected|. */
export interface Tolerance {
  readonly atol?: number;
  readonly rtol?: number;
  /** What is compared, shown in the error. */
  readonly what?: string;
}

/**
 * Asserts that two lists of numbers agree element by element and in length.
 * NaN agrees with NaN only, an infinity with itself only; the default tolerance is zero.
 *
 * @returns the largest absolute difference, for printing
 * @throws Error naming how many elements differ, the first of them and the worst, with both values
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { atol = 0, rtol = 0, what = "values" }: Tolerance = {},
): number {
  if (actual.length !== expected.length) {
    throw new Error(`${what}: ${actual.length} elements, expected ${expected.length}`);
  }
  let largest = 0;
  let count = 0;
  let first = -1;
  let worst = { index: -1, excess: Number.NEGATIVE_INFINITY };
  for (let i = 0; i < actual.length; i++) {
    const difference = distance(actual[i], expected[i]);
    largest = Math.max(largest, difference);
    const allowed = Number.isFinite(expected[i]) ? atol + rtol * Math.abs(expected[i]) : 0;
    if (difference <= allowed) continue;
    if (count === 0) first = i;
    count++;
    if (difference - allowed > worst.excess) worst = { index: i, excess: difference - allowed };
  }
  if (count === 0) return largest;
  const show = (i: number) =>
    `[${i}] is ${actual[i]}, expected ${expected[i]} (off by ${distance(actual[i], expected[i])})`;
  throw new Error(
    `${what}: ${count} of ${actual.length} elements differ by more than atol ${atol} + rtol ${rtol}; ` +
      `first ${show(first)}; worst ${show(worst.index)}; largest difference ${largest}`,
  );
}

function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const difference = Math.abs(a - b);
  return Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
}
