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

/** G of F(4×4, 3×3), for the points 0, ±1, ±2 and infinity (Lavin and Gray 2016). */
const G = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
] as const;

export function winogradWeights({ inChannels, outChannels }: Conv2dSpec): number {
  return G.length * G.length * inChannels * roundUp(outChannels, PANEL);
}

/** 36 matrices G g Gᵀ, in double precision, each in panels of 8 output channels. */
export function packWinograd(spec: Conv2dSpec, weight: Float32Array, to: Float32Array): void {
  const { inChannels, outChannels } = spec;
  const matrix = inChannels * roundUp(outChannels, PANEL);
  for (let o = 0; o < outChannels; o++) {
    const panel = (o - (o % PANEL)) * inChannels + (o % PANEL);
    for (let c = 0; c < inChannels; c++) {
      const g = weight.subarray((o * inChannels + c) * 9, (o * inChannels + c) * 9 + 9);
      for (const [i, row] of G.entries()) {
        const left = [0, 1, 2].map((x) => row[0] * g[x] + row[1] * g[3 + x] + row[2] * g[6 + x]);
        for (const [j, column] of G.entries()) {
          const value = left[0] * column[0] + left[1] * column[1] + left[2] * column[2];
          to[(i * G.length + j) * matrix + panel + c * PANEL] = value;
        }
      }
    }
  }
}
