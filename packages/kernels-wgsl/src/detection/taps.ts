/**
 * Which input samples make an output sample of a resized axis: a triangle (tent) filter around the half-pixel
 * centre `(i + 0.5) · from / to - 0.5`, one input sample wide to each side, or one output sample wide where the
 * axis shrinks by more than 2 (antialiasing). Samples outside the input take its edge's value.
 *
 * The table is made in double precision: a centre of a wide photo would lose the digits of its fraction in f32.
 */

/** Shrinking by more than this averages over all covered samples instead of interpolating. */
const ANTIALIAS_ABOVE = 2;

/** Floats of a table's entry: first tap, centre counted from the first tap, taps, 1 / sum of the weights. */
export const TAP_FLOATS = 4;

/** How far the filter reaches to each side of a centre, in input samples. */
export function tapRadius(from: number, to: number): number {
  const scale = from / to;
  return scale > ANTIALIAS_ABOVE ? scale : 1;
}

/**
 * Writes the entries of an axis resized from `from` to `to` samples. The weight of tap `k` is
 * `(1 - |k - centre| / radius) · scale`; the first tap may be negative and the last past the end.
 */
export function writeTaps(from: number, to: number, table: Float32Array): void {
  const radius = tapRadius(from, to);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(centre - radius) + 1;
    const last = Math.ceil(centre + radius) - 1;
    let sum = 0;
    for (let s = first; s <= last; s++) sum += 1 - Math.abs(s - centre) / radius;
    table.set([first, centre - first, last - first + 1, 1 / sum], i * TAP_FLOATS);
  }
}
