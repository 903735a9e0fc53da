/** The numbers of kernels-wgsl's `random.ts`, for devices without a GPU. */
import type { RandomSpec } from "@retinaface-webgpu/kernels-wgsl";

function pcg(v: number): number {
  const state = (Math.imul(v, 747796405) + 2891336453) >>> 0;
  const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277803737) >>> 0;
  return ((word >>> 22) ^ word) >>> 0;
}

/** Uniform in [0, 1), by place. */
function fractions({ seed, stream }: RandomSpec): (i: number) => number {
  const start = pcg((stream + pcg(seed >>> 0)) >>> 0);
  return (i) => (pcg((i + start) >>> 0) >>> 8) / 2 ** 24;
}

/** Uniform numbers in [0, 1), the same as the kernel's. */
export function hostUniform(spec: RandomSpec): Float32Array {
  const fraction = fractions(spec);
  return Float32Array.from({ length: spec.count }, (_, i) => fraction(i));
}

/** Normal numbers of mean 0 and variance 1, the kernel's but for rounding. */
export function hostNormal(spec: RandomSpec): Float32Array {
  const fraction = fractions(spec);
  return Float32Array.from({ length: spec.count }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - fraction(2 * i)));
    return radius * Math.cos(2 * Math.PI * fraction(2 * i + 1));
  });
}
