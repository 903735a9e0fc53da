import { type Conv2dSpec, conv2dOutputSize } from "@retinaface-webgpu/kernels-wgsl";
import type { Conv2dData } from "../reference/conv2d.js";

const BASE: Conv2dSpec = {
  batch: 1,
  inHeight: 7,
  inWidth: 9,
  inChannels: 8,
  outChannels: 8,
  kernelSize: [3, 3],
  stride: [1, 1],
  dilation: [1, 1],
  padding: [1, 1, 1, 1],
  groups: 1,
  activation: { kind: "none" },
};

const LEAKY = { kind: "leaky_relu", slope: 0.1 } as const;
const POINT = { kernelSize: [1, 1], padding: [0, 0, 0, 0] } as const;

function depthwise(channels: number, more: Partial<Conv2dSpec> = {}): Conv2dSpec {
  return { ...BASE, inChannels: channels, outChannels: channels, groups: channels, ...more };
}

/** Small convolutions that between them use every branch of every variant. */
export const SPECS: readonly Conv2dSpec[] = [
  BASE,
  { ...BASE, batch: 3, inChannels: 5, outChannels: 3, activation: { kind: "relu" } },
  { ...BASE, inChannels: 1, outChannels: 1, inHeight: 1, inWidth: 1 },
  { ...BASE, inChannels: 3, outChannels: 8, stride: [2, 2], inHeight: 17, inWidth: 20, batch: 2 },
  {
    ...BASE,
    inChannels: 3,
    outChannels: 64,
    kernelSize: [7, 7],
    stride: [2, 2],
    padding: [3, 3, 3, 3],
    inHeight: 15,
    inWidth: 16,
  },
  {
    ...BASE,
    kernelSize: [2, 5],
    stride: [3, 1],
    dilation: [2, 1],
    padding: [0, 2, 4, 1],
    inHeight: 13,
  },
  { ...BASE, inChannels: 12, outChannels: 18, groups: 3, dilation: [1, 2], padding: [1, 1, 2, 2] },
  { ...BASE, inChannels: 16, outChannels: 8, groups: 2, activation: LEAKY },
  { ...BASE, inChannels: 64, outChannels: 64, inHeight: 9, inWidth: 21, activation: LEAKY },
  { ...BASE, inChannels: 64, outChannels: 16, inHeight: 4, inWidth: 4, batch: 3 },
  { ...BASE, inChannels: 16, outChannels: 16, inHeight: 33, inWidth: 5, activation: LEAKY },
  { ...BASE, inChannels: 20, outChannels: 36, inHeight: 10, inWidth: 11, stride: [2, 1] },
  {
    ...BASE,
    ...POINT,
    inChannels: 64,
    outChannels: 64,
    inHeight: 11,
    inWidth: 13,
    activation: LEAKY,
  },
  { ...BASE, ...POINT, inChannels: 8, outChannels: 16, inHeight: 40, inWidth: 41, batch: 2 },
  { ...BASE, ...POINT, inChannels: 5, outChannels: 7, inHeight: 6, inWidth: 7, batch: 3 },
  { ...BASE, ...POINT, inChannels: 256, outChannels: 32, inHeight: 5, inWidth: 5 },
  { ...BASE, ...POINT, inChannels: 64, outChannels: 20, inHeight: 7, inWidth: 7, stride: [2, 2] },
  { ...BASE, ...POINT, inChannels: 2048, outChannels: 16, inHeight: 3, inWidth: 3 },
  {
    ...BASE,
    ...POINT,
    inChannels: 32,
    outChannels: 64,
    activation: LEAKY,
    inHeight: 12,
    residual: { order: "after-activation", height: 6, width: 5 },
  },
  {
    ...BASE,
    inChannels: 16,
    outChannels: 6,
    activation: { kind: "relu" },
    batch: 2,
    residual: { order: "before-activation", height: 7, width: 9 },
  },
  depthwise(8, {
    residual: { order: "before-activation", height: 3, width: 4 },
    activation: LEAKY,
  }),
  depthwise(8, { inHeight: 33, inWidth: 41, batch: 2, activation: LEAKY }),
  depthwise(16, { inHeight: 18, inWidth: 35, stride: [2, 2], activation: LEAKY }),
  depthwise(64, { inHeight: 5, inWidth: 6 }),
  depthwise(72, { inHeight: 20, inWidth: 19, batch: 2, stride: [2, 1] }),
  depthwise(68, { inHeight: 6, inWidth: 5, inStride: 70, inOffset: 1 }),
  depthwise(6, { inHeight: 9, inWidth: 11, stride: [2, 2], batch: 3 }),
  depthwise(5, { kernelSize: [5, 3], dilation: [2, 1], padding: [4, 4, 1, 1], inHeight: 12 }),
  { ...BASE, inChannels: 4, outChannels: 8, groups: 4 },
  { ...BASE, inStride: 24, inOffset: 8, outStride: 20, outOffset: 12, activation: LEAKY },
  { ...BASE, inStride: 11, inOffset: 1, outStride: 13, outOffset: 3, outChannels: 7 },
  {
    ...BASE,
    ...POINT,
    inChannels: 16,
    outChannels: 16,
    inStride: 20,
    inOffset: 4,
    outStride: 64,
    outOffset: 48,
  },
  {
    ...BASE,
    ...POINT,
    inChannels: 16,
    outChannels: 16,
    inStride: 18,
    inOffset: 2,
    outStride: 17,
    outOffset: 1,
  },
  depthwise(8, { inStride: 16, inOffset: 8, outStride: 12, outOffset: 4 }),
];

/** Of `SPECS`: odd channels in slices, a block that is not full and a stride, a residual. */
export const TILED_CASES: readonly number[] = [
  SPECS.findIndex(({ outStride = 0 }) => outStride === 13),
  SPECS.findIndex(({ outChannels }) => outChannels === 36),
  SPECS.findIndex(({ residual }) => residual?.order === "after-activation"),
];

/** Of `SPECS`, 3×3 of stride 1: odd channels in a batch, blocks that are full, a residual. */
export const WINOGRAD_CASES: readonly number[] = [
  SPECS.findIndex(({ batch, outChannels }) => batch === 3 && outChannels === 3),
  SPECS.findIndex(({ inChannels, inWidth }) => inChannels === 64 && inWidth === 21),
  SPECS.findIndex(({ residual }) => residual?.order === "before-activation"),
];

/** A readable name of what a case is about. */
export function caseName(spec: Conv2dSpec): string {
  const parts = [
    `${spec.kernelSize.join("×")} ${spec.inChannels}→${spec.outChannels}`,
    `on ${spec.batch}×${spec.inHeight}×${spec.inWidth}`,
  ];
  if (spec.groups > 1) parts.push(`groups ${spec.groups}`);
  if (spec.stride.some((s) => s !== 1)) parts.push(`stride ${spec.stride.join("×")}`);
  if (spec.dilation.some((d) => d !== 1)) parts.push(`dilation ${spec.dilation.join("×")}`);
  if (spec.activation.kind !== "none") parts.push(spec.activation.kind);
  if (spec.residual) parts.push(`residual ${spec.residual.order}`);
  if (spec.inStride || spec.outStride) parts.push("slices");
  return parts.join(" ");
}

/** Seeded numbers with outliers planted, so that a lost or doubled product shows. */
export function randomData(spec: Conv2dSpec, seed: number): Conv2dData {
  const fill = filler(seed);
  const inStride = spec.inStride ?? spec.inChannels;
  const [kh, kw] = spec.kernelSize;
  const inPerGroup = spec.inChannels / spec.groups;
  const { residual } = spec;
  return {
    input: fill(spec.batch * spec.inHeight * spec.inWidth * inStride, 1),
    weight: fill(spec.outChannels * inPerGroup * kh * kw, 1 / Math.sqrt(inPerGroup * kh * kw)),
    ...(seed % 4 === 0 ? {} : { bias: fill(spec.outChannels, 1) }),
    ...(residual
      ? { residual: fill(spec.batch * residual.height * residual.width * spec.outChannels, 1) }
      : {}),
  };
}

/** A seeded gradient of the output: densely, and as a slice of a tensor of `outStride` channels. */
export function randomGradient(
  spec: Conv2dSpec,
  seed: number,
): { dense: Float32Array; wide: Float32Array } {
  const { outChannels: channels, outStride: stride = channels, outOffset: offset = 0 } = spec;
  const [h, w] = conv2dOutputSize(spec);
  const pixels = spec.batch * h * w;
  const dense = filler(seed)(pixels * channels, 1);
  const wide = new Float32Array(pixels * stride).fill(1e9);
  for (let p = 0; p < pixels; p++)
    wide.set(dense.subarray(p * channels, (p + 1) * channels), p * stride + offset);
  return { dense, wide };
}

function filler(seed: number): (length: number, scale: number) => Float32Array {
  const random = generator(seed);
  return (length, scale) =>
    Float32Array.from({ length }, () => (random() * 2 - 1) * scale * (random() < 0.02 ? 20 : 1));
}

/** Mulberry32: uniform in [0, 1). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
