/**
 * The One-Euro filter (Casiez, Roussel and Vogel, "1€ Filter", CHI 2012): a low-pass filter whose cut-off rises with the
 * speed, so that what stands still does not tremble and what moves does not lag.
 */
export interface OneEuroOptions {
  /** Cut-off at rest, in Hertz: lower is steadier. */
  readonly minCutoff: number;
  /** By how much it rises for each unit of length a second: higher lags less. */
  readonly beta: number;
}

/** Cut-off of the speed, in Hertz; the paper's. */
const SPEED_CUTOFF = 1;

/** Smooths numbers that belong together, each by itself. */
export class OneEuroFilter {
  readonly #options: OneEuroOptions;
  #values: number[] | undefined;
  #speeds: number[] = [];

  constructor(options: OneEuroOptions) {
    this.#options = options;
  }

  /**
   * @param seconds since the last call; at the first of no matter
   * @param unit of length, in which speeds are measured
   */
  filter(values: readonly number[], seconds: number, unit = 1): number[] {
    const before = this.#values;
    if (before?.length !== values.length || seconds <= 0) {
      this.#values = [...values];
      this.#speeds = values.map(() => 0);
      return [...values];
    }
    const { minCutoff, beta } = this.#options;
    const smoothed = values.map((value, i) => {
      const speed = (value - before[i]) / unit / seconds;
      this.#speeds[i] += weight(SPEED_CUTOFF, seconds) * (speed - this.#speeds[i]);
      const cutoff = minCutoff + beta * Math.abs(this.#speeds[i]);
      return before[i] + weight(cutoff, seconds) * (value - before[i]);
    });
    this.#values = smoothed;
    return [...smoothed];
  }
}

/** Weight of a new value for a cut-off in Hertz. */
function weight(cutoff: number, seconds: number): number {
  const r = 2 * Math.PI * cutoff * seconds;
  return r / (r + 1);
}
