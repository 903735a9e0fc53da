import { Random } from "@retinaface-webgpu/tensor";

/** Longer arrays repeat the same values: no kernel here is faster for it, and filling them is. */
const PERIOD = 65521;

/** `count` values uniform in −`bound` … `bound`, the same for the same seed. */
export function randomValues(count: number, seed: number, bound = 1): Float32Array {
  const random = new Random(seed);
  const values = new Float32Array(count);
  const drawn = Math.min(count, PERIOD);
  for (let i = 0; i < drawn; i++) values[i] = random.uniform(-bound, bound);
  for (let filled = drawn; filled < count; filled *= 2) values.copyWithin(filled, 0, filled);
  return values;
}
