import { type RawImage, resizeBilinear } from "retinaface-webgpu";

/** How pixels between pixels are made; training draws one at random so that none is learnt. */
export type ResampleMethod = "nearest" | "linear" | "cubic" | "area" | "lanczos";

export const RESAMPLE_METHODS: readonly ResampleMethod[] = [
  "nearest",
  "linear",
  "cubic",
  "area",
  "lanczos",
];

/** Which input samples make one output sample, and how much of each. */
interface Taps {
  readonly count: number;
  /** `[to, count]`: indices of input samples. */
  readonly indices: Int32Array;
  /** [to, count], rows sum to 1. */
  readonly weights: Float32Array;
}

/** Keys' cubic convolution with a = −0.75. */
function cubicKernel(x: number): number {
  const t = Math.abs(x);
  const a = -0.75;
  if (t <= 1) return ((a + 2) * t - (a + 3)) * t * t + 1;
  return t < 2 ? ((a * t - 5 * a) * t + 8 * a) * t - 4 * a : 0;
}

/** Lanczos' windowed sinc of four lobes. */
function lanczosKernel(x: number): number {
  if (x === 0) return 1;
  if (Math.abs(x) >= 4) return 0;
  const t = Math.PI * x;
  return (4 * Math.sin(t) * Math.sin(t / 4)) / (t * t);
}

/** Weights of `kernel` at the samples within `radius` of the half-pixel centre; edges repeat. */
function kernelTaps(
  from: number,
  to: number,
  radius: number,
  kernel: (distance: number) => number,
): Taps {
  const count = radius * 2;
  const indices = new Int32Array(to * count);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const centre = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(centre) - radius + 1;
    const row = Array.from({ length: count }, (_, t) => kernel(first + t - centre));
    const sum = row.reduce((total, weight) => total + weight, 0);
    for (const [t, weight] of row.entries()) {
      indices[i * count + t] = Math.max(0, Math.min(from - 1, first + t));
      weights[i * count + t] = weight / sum;
    }
  }
  return { count, indices, weights };
}

/** Every covered input sample by the share of the output sample that it covers. */
function areaTaps(from: number, to: number): Taps {
  const scale = from / to;
  const count = Math.ceil(scale) + 1;
  const indices = new Int32Array(to * count);
  const weights = new Float32Array(to * count);
  for (let i = 0; i < to; i++) {
    const start = i * scale;
    const end = start + scale;
    for (let t = 0; t < count; t++) {
      const sample = Math.floor(start) + t;
      const covered = Math.min(end, sample + 1) - Math.max(start, sample);
      indices[i * count + t] = Math.min(sample, from - 1);
      weights[i * count + t] = Math.max(0, covered) / scale;
    }
  }
  return { count, indices, weights };
}

function tapsFor(method: Exclude<ResampleMethod, "linear">, from: number, to: number): Taps {
  switch (method) {
    case "nearest":
      return {
        count: 1,
        indices: Int32Array.from({ length: to }, (_, i) => Math.floor(((i + 0.5) * from) / to)),
        weights: new Float32Array(to).fill(1),
      };
    case "cubic":
      return kernelTaps(from, to, 2, cubicKernel);
    case "lanczos":
      return kernelTaps(from, to, 4, lanczosKernel);
    case "area":
      return areaTaps(from, to);
  }
}

/** Applies taps along rows: [height, from, 4] bytes to [height, to, 4] numbers. */
function applyColumns(image: RawImage, taps: Taps, width: number): Float32Array {
  const { count, indices, weights } = taps;
  const out = new Float32Array(width * image.height * 4);
  for (let y = 0, at = 0; y < image.height; y++) {
    const row = y * image.width * 4;
    for (let x = 0; x < width; x++, at += 4) {
      for (let t = x * count; t < (x + 1) * count; t++) {
        const from = row + indices[t] * 4;
        const weight = weights[t];
        out[at] += weight * image.data[from];
        out[at + 1] += weight * image.data[from + 1];
        out[at + 2] += weight * image.data[from + 2];
        out[at + 3] += weight * image.data[from + 3];
      }
    }
  }
  return out;
}

/**
 * Scales an image. `linear` is `resizeBilinear`; `area` averages what a pixel covers; `cubic` and
 * `lanczos` interpolate without antialiasing, as OpenCV's methods of these names do.
 */
export function resample(
  image: RawImage,
  width: number,
  height: number,
  method: ResampleMethod,
): RawImage {
  const grows = width > image.width || height > image.height;
  if (method === "linear" || (method === "area" && grows)) {
    return resizeBilinear(image, width, height);
  }
  const lines = applyColumns(image, tapsFor(method, image.width, width), width);
  const { count, indices, weights } = tapsFor(method, image.height, height);
  const data = new Uint8ClampedArray(width * height * 4);
  const sums = new Float32Array(width * 4);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let t = y * count; t < (y + 1) * count; t++) {
      const weight = weights[t];
      const line = lines.subarray(indices[t] * sums.length, (indices[t] + 1) * sums.length);
      for (let i = 0; i < sums.length; i++) sums[i] += weight * line[i];
    }
    data.set(sums, y * sums.length);
  }
  return { data, width, height };
}
