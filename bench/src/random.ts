import { Random } from "@retinaface-webgpu/tensor";

/** `count` values uniform in −`bound` … `bound`, the same for the same seed. */
export function randomValues(count: number, seed: number, bound = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.uniform(-bound, bound));
}
