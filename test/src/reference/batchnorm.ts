import { groups, type NdArray } from "./array.js";

/** Mean and biased variance over all axes but the last. */
export function statistics(x: NdArray): { mean: number[]; variance: number[] } {
  const axes = x.shape.slice(0, -1).map((_, axis) => axis);
  const channels = groups(x, axes);
  const mean = channels.map((values) => values.reduce((a, b) => a + b, 0) / values.length);
  const variance = channels.map(
    (values, c) => values.reduce((sum, v) => sum + (v - mean[c]) ** 2, 0) / values.length,
  );
  return { mean, variance };
}

/** (x − mean) / √(variance + eps) · gamma + beta per channel. */
export function normalize(
  x: NdArray,
  mean: ArrayLike<number>,
  variance: ArrayLike<number>,
  gamma: NdArray,
  beta: NdArray,
  eps: number,
): NdArray {
  const channels = gamma.data.length;
  const data = x.data.map((v, i) => {
    const c = i % channels;
    return ((v - mean[c]) / Math.sqrt(variance[c] + eps)) * gamma.data[c] + beta.data[c];
  });
  return { shape: x.shape, data };
}
