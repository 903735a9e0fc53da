/** How weights are laid out for the kernels. All take OIHW. */
import type { Conv2dSpec } from "./spec.js";

/** Columns of a panel of the product. */
export const PANEL = 8;

const roundUp = (value: number, to: number): number => Math.ceil(value / to) * to;

/** Floats of a product's weights: for each group, panels of `depth` × 8. */
export function productWeights({
  outChannels,
  inChannels,
  groups,
  kernelSize,
}: Conv2dSpec): number {
  const depth = (inChannels / groups) * kernelSize[0] * kernelSize[1];
  return groups * roundUp(outChannels / groups, PANEL) * depth;
}

/** Floats of biases: those of each group are filled up to whole panels. */
export function productBiases({ outChannels, groups }: Conv2dSpec): number {
  return groups * roundUp(outChannels / groups, PANEL);
}

/** Panels of 8 output channels; terms in the order kernel row, kernel column, channel. */
export function packProduct(spec: Conv2dSpec, weight: Float32Array, to: Float32Array): void {
  const { groups, outChannels, inChannels, kernelSize } = spec;
  const outPerGroup = outChannels / groups;
  const inPerGroup = inChannels / groups;
  const taps = kernelSize[0] * kernelSize[1];
  const depth = inPerGroup * taps;
  const groupSize = roundUp(outPerGroup, PANEL) * depth;
  for (let o = 0; o < outChannels; o++) {
    const column = o % outPerGroup;
    const panel = Math.floor(o / outPerGroup) * groupSize + (column - (column % PANEL)) * depth;
    for (let c = 0; c < inPerGroup; c++) {
      const from = (o * inPerGroup + c) * taps;
      for (let tap = 0; tap < taps; tap++) {
        to[panel + (tap * inPerGroup + c) * PANEL + (column % PANEL)] = weight[from + tap];
      }
    }
  }
}

/** Biases by group, zeros where there are none. */
export function packBiases(spec: Conv2dSpec, bias: Float32Array | undefined, to: Float32Array) {
  if (!bias) return;
  const perGroup = spec.outChannels / spec.groups;
  for (let o = 0; o < spec.outChannels; o++) {
    const group = Math.floor(o / perGroup);
    to[group * roundUp(perGroup, PANEL) + (o % perGroup)] = bias[o];
  }
}

/** Floats of depthwise weights, then as many a tap for the biases. */
export function depthwiseWeights({ inChannels, kernelSize }: Conv2dSpec): number {
  return roundUp(inChannels, 4) * kernelSize[0] * kernelSize[1];
}

export function depthwiseBiases({ inChannels }: Conv2dSpec): number {
  return roundUp(inChannels, 4);
}

/** Tap by tap, channels side by side. */
export function packDepthwise(spec: Conv2dSpec, weight: Float32Array, to: Float32Array): void {
  const taps = spec.kernelSize[0] * spec.kernelSize[1];
  const width = roundUp(spec.inChannels, 4);
  for (let c = 0; c < spec.inChannels; c++) {
    for (let tap = 0; tap < taps; tap++) to[tap * width + c] = weight[c * taps + tap];
  }
}

/** Values along a side of a transformed kernel. */
const SIDE = 6;

/**
 * Floats between two of the 36 matrices: without, those of 64→64 channels begin 16 KiB apart, in the same
 * lines of the first-level cache, and packing them as a step took 0.45 ms instead of 0.05 (AMD EPYC model 2 of
 * family 26, one thread, Node 20, 2026-11-29).
 */
const APART = 16;

/** Floats from one matrix to the next. `assembly/winograd.ts` has the same. */
function winogradMatrix({ inChannels, outChannels }: Conv2dSpec): number {
  return inChannels * roundUp(outChannels, PANEL) + APART;
}

export function winogradWeights(spec: Conv2dSpec): number {
  return SIDE * SIDE * winogradMatrix(spec);
}

/**
 * G·(a, b, c) of F(4×4, 3×3), for the points 0, ±1, ±2 and infinity (Lavin and Gray 2016), to every
 * `step`th place of `to`.
 */
function transform(a: number, b: number, c: number, to: Float64Array, at: number, step: number) {
  const ends = a + c;
  const far = a + 4 * c;
  to[at] = a / 4;
  to[at + step] = -(ends + b) / 6;
  to[at + step * 2] = (b - ends) / 6;
  to[at + step * 3] = (far + 2 * b) / 24;
  to[at + step * 4] = (far - 2 * b) / 24;
  to[at + step * 5] = c;
}

/** 36 matrices G g Gᵀ, in double precision, each in panels of 8 output channels. */
export function packWinograd(spec: Conv2dSpec, weight: Float32Array, to: Float32Array): void {
  const { inChannels, outChannels } = spec;
  const matrix = winogradMatrix(spec);
  const columns = new Float64Array(SIDE * 3);
  const kernel = new Float64Array(SIDE * SIDE);
  let g = 0;
  for (let o = 0; o < outChannels; o++) {
    const panel = (o - (o % PANEL)) * inChannels + (o % PANEL);
    for (let c = 0; c < inChannels; c++, g += 9) {
      for (let x = 0; x < 3; x++) {
        transform(weight[g + x], weight[g + 3 + x], weight[g + 6 + x], columns, x, 3);
      }
      for (let y = 0; y < SIDE; y++) {
        const row = y * 3;
        transform(columns[row], columns[row + 1], columns[row + 2], kernel, y * SIDE, 1);
      }
      const at = panel + c * PANEL;
      for (let i = 0; i < kernel.length; i++) to[i * matrix + at] = kernel[i];
    }
  }
}
