/** Order statistics of repeated timings, milliseconds. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Half the distance between the quartiles, as a share of the median. */
  readonly spread: number;
  readonly count: number;
}

/**
 * The value below which a share `q` of the sorted values lies, between neighbours by linear interpolation.
 *
 * @throws RangeError without values, or with one that is not finite.
 */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0 || !values.every(Number.isFinite)) {
    throw new RangeError(`quantile needs finite values, got [${values.join(", ")}]`);
  }
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const high = Math.ceil(at);
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low);
}

/** Middle of the sorted values; of an even count, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Order statistics of timings. */
export function summarize(values: readonly number[]): Summary {
  const middle = median(values);
  return {
    median: middle,
    min: Math.min(...values),
    max: Math.max(...values),
    spread: middle > 0 ? (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / middle : 0,
    count: values.length,
  };
}

/** Milliseconds by the clock, and of all threads together. */
export interface Taken {
  readonly clock: number;
  readonly processor: number;
}

/** What some work takes. */
export async function timeOf(work: () => Promise<unknown>): Promise<Taken> {
  const [cpu, start] = [process.cpuUsage(), performance.now()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return { clock: performance.now() - start, processor: (user + system) / 1000 };
}

/** A round-robin over rounds: every item once a round, so that a busy moment hits all alike. */
export async function interleave<T, M>(
  items: readonly T[],
  rounds: number,
  time: (item: T) => Promise<M>,
): Promise<Map<T, M[]>> {
  const times = new Map(items.map((item): [T, M[]] => [item, []]));
  for (let round = 0; round < rounds; round++) {
    for (const item of items) times.get(item)!.push(await time(item));
  }
  return times;
}
