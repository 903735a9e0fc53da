const TICKS = 6;

/** Round values from at most `low` to at least `high`, in steps of 1, 2 or 5 times a power of ten. */
export function linearTicks(low: number, high: number): number[] {
  const range = high - low || Math.abs(high) || 1;
  const rough = range / TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((s) => s >= rough * 0.999)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** Powers of ten from at most `low` to at least `high`, with 2 and 5 between where they are few. */
export function logTicks(low: number, high: number): number[] {
  const first = Math.floor(Math.log10(low) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(high) - 1e-9));
  const factors = last - first <= 2 ? [1, 2, 5] : [1];
  const step = Math.ceil((last - first) / 10);
  const ticks: number[] = [];
  for (let power = first; power < last; power += step) {
    for (const factor of factors) ticks.push(factor * 10 ** power);
  }
  return [...ticks, 10 ** last];
}

/** Shortest text of a tick: no noise of binary fractions, powers of ten for the far ends. */
export function formatTick(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return value.toExponential(0).replace("e+", "e");
  return String(Number(value.toPrecision(6)));
}
