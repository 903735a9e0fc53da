/**
 * The gradients to weight and bias of a 3×3 of stride 1 by F(4×4, 3×3) on CPU adapters: 36 multiply-adds for 16 outputs where the
 * sum over pixels needs 144. For each part of the tiles that temporary memory has room for, `patches.ts` of the input and of the
 * gradient and `weight-products.ts`; at the end `weights.ts`.
 *
 * Processor time as a share of `subgroup-weight-gradient`'s (measured as in `forward.ts`, differences at most 6e-6 of the largest):
 *
 *   64→64 @80  0.43     128→128 @28  0.58     64→32 @40  0.62     64→64 @40  0.66     256→256 @14  0.75
 *   32→32 @40  0.83     64→64 @20    0.90     16→16 @80  0.96     64→32 @20  1.04     64→16 @40    1.10
 *   32→32 @20  1.30     64→64 @10    1.60     16→16 @40  1.74     16→16 @20  3.05
 */
import { type Conv2dSpec, conv2dFlops, conv2dOutputSize } from "../shared/spec.js";
import type {
  ChainedWeightGradient,
  WeightGradientDispatch,
} from "../weight-gradient/weight-gradient.js";
import { winogradLayout } from "./pack.js";
import { patchesKernel } from "./patches.js";
import { quadsOf, tilesOf } from "./tiles.js";
import { PLACES } from "./transform.js";
import { sumsLength, weightProductsKernel } from "./weight-products.js";
import { weightsKernel } from "./weights.js";

const LEAST_CHANNELS = 32;
/** Floating-point operations of the sum over pixels that are worth the transforms. */
const LEAST_FLOPS = 28e6;

/** Whether it is faster than the sum over pixels. */
export function suitsSubgroupWinogradWeightGradient(spec: Conv2dSpec): boolean {
  const channels = Math.min(spec.inChannels, spec.outChannels);
  return channels >= LEAST_CHANNELS && conv2dFlops(spec) >= LEAST_FLOPS;
}

/** The output's gradient as the input of a kernel. */
function ofGradient(spec: Conv2dSpec): Conv2dSpec {
  const [inHeight, inWidth] = conv2dOutputSize(spec);
  return {
    ...spec,
    inHeight,
    inWidth,
    inChannels: spec.outChannels,
    inStride: spec.outStride ?? spec.outChannels,
    inOffset: spec.outOffset ?? 0,
    padding: [0, 0, 0, 0],
  };
}

/** Launch for a spec that `isSubgroupWinograd`. */
export function conv2dSubgroupWinogradWeightGradient(spec: Conv2dSpec): ChainedWeightGradient {
  const { inChannels, outChannels } = spec;
  const quads = { inQuads: quadsOf(inChannels), outQuads: quadsOf(outChannels) };
  const layout = winogradLayout(spec, 4);
  const gradient = ofGradient(spec);
  const parts = tilesOf(spec);
  const [patches, gradients, products, totals] = [0, 1, 2, 3].map((scratch) => ({ scratch }));
  const dispatches = parts.flatMap((tiles, part): WeightGradientDispatch[] => [
    { kernel: patchesKernel(spec, layout, tiles), operands: ["input", patches] },
    { kernel: patchesKernel(gradient, layout, tiles, true), operands: ["gradient", gradients] },
    {
      kernel: weightProductsKernel({ tiles: tiles.count, ...quads, part }),
      operands: [patches, gradients, products, totals],
    },
  ]);
  const sums = sumsLength(quads);
  return {
    variant: "subgroup-winograd-weight-gradient",
    scratch: [
      PLACES * parts[0].count * quads.inQuads * 4,
      PLACES * parts[0].count * quads.outQuads * 4,
      parts.length * sums.products,
      parts.length * sums.gradients,
    ],
    dispatches: [
      ...dispatches,
      {
        kernel: weightsKernel(parts.length, inChannels, outChannels, quads),
        operands: [products, totals, "weight", "bias"],
      },
    ],
  };
}
