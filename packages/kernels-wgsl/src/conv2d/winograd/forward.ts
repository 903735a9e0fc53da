/**
 * 3×3 of stride 1 by F(4×4, 3×3) on CPU adapters: 36 multiply-adds for 16 outputs where the sum over taps needs 144.
 *
 * Three dispatches with temporary memory between them: `patches.ts`, `products.ts`, `outputs.ts`, of as many tiles at a time as
 * 16 MiB hold. One dispatch would need barriers and workgroup memory, which is what makes `winograd.ts` slow there. Four times fewer
 * products are no four times less time: patches are 2.25 times what they are made of, and a sum of 64 products is as short as a
 * 1×1 convolution's.
 *
 * Processor time, weights' transforms included, as a share of `subgroup-gemm`'s, with the largest difference from it relative to the
 * largest output (llvmpipe of Mesa 25.0.7, two cores of an AMD EPYC, beside much other work, medians of 16 pairs in turn,
 * 2026-11-30):
 *
 *   64→64 @80  0.56  3e-6     128→128 @28  0.69  3e-6     64→16 @40  0.74  2e-6     64→32 @40    0.79  2e-6
 *   64→64 @40  0.87  2e-6     64→64 @20    1.07  4e-6     256→256 @14  1.07  6e-6   32→32 @40    1.22  2e-6
 *   16→16 @80  1.20  1e-6     64→32 @20    1.42  4e-6     64→64 @10  2.23  3e-6     16→16 @20    2.67  1e-6
 *
 * Lost: the weights in a uniform buffer (no difference, as in `subgroup-gemm.ts`). Not tried: F(2×2), whose patches are four times
 * what they are made of and which saves 2.25 times of the products.
 */
import { broadcasts, widthFor } from "../forward/cpu-traits.js";
import { forwardText, outputPixels } from "../forward/forward.js";
import {
  type Conv2dDispatch,
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  type ForwardLaunch,
  isDense3x3,
  type Variant,
} from "../shared/spec.js";
import { outputsKernel } from "./outputs.js";
import { packKernel, winogradLayout } from "./pack.js";
import { patchesKernel } from "./patches.js";
import { productsKernel } from "./products.js";
import { quadsOf, tilesOf } from "./tiles.js";
import { PLACES } from "./transform.js";

/** Whether the spec is a 3×3 of stride 1, and the caller has temporary memory. */
export function isSubgroupWinograd(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return isDense3x3(spec) && traits.scratch === true && broadcasts(spec, traits);
}

/** Input channels that a sum needs to be worth its transforms, and outputs to be worth the transforms of the weights. */
const LEAST_DEPTH = 64;
const LEAST_CHANNELS = 16;
const LEAST_OUTPUTS = 784;

/** Whether it is faster than the sum over taps. */
function suitsSubgroupWinograd(spec: Conv2dSpec): boolean {
  return (
    spec.inChannels >= LEAST_DEPTH &&
    spec.outChannels >= LEAST_CHANNELS &&
    outputPixels(spec) >= LEAST_OUTPUTS
  );
}

/** Launch of F(4×4, 3×3), for a spec that `isSubgroupWinograd`. */
function conv2dSubgroupWinograd(spec: Conv2dSpec, transposed: boolean): Conv2dLaunch {
  const width = widthFor(spec.outChannels);
  const layout = winogradLayout(spec, width);
  const text = forwardText(spec, 4);
  const { blocksPerGroup: blocks, blockStride, biasOffset } = layout;
  const quads = quadsOf(spec.inChannels);
  const parts = tilesOf(spec);
  const channels = blocks * 8 * width;
  const [patches, products] = [{ scratch: 0 }, { scratch: 1 }];
  const dispatches = parts.flatMap((tiles): Conv2dDispatch[] => [
    { kernel: patchesKernel(spec, layout, tiles), operands: ["input", patches] },
    {
      kernel: productsKernel({ tiles: tiles.count, quads, blocks, width }),
      operands: [patches, { packedOffset: 0, packedSize: blocks * blockStride }, products],
    },
    {
      kernel: outputsKernel(spec, layout, text, tiles, channels / 4),
      operands: [
        products,
        { packedOffset: biasOffset, packedSize: layout.written - biasOffset },
        ...(text.residual ? (["residual"] as const) : []),
        "output",
        ...(text.second ? (["second"] as const) : []),
      ],
    },
  ]);
  return {
    variant: "subgroup-winograd",
    packedLength: layout.length,
    packedWritten: layout.written,
    scratch: [quads * 4, channels].map((n) => PLACES * parts[0].count * n),
    pack: (hasBias) => packKernel(layout, width, transposed, hasBias),
    dispatches,
  };
}

/**
 * This way to convolve, first of {@link Conv2dTraits.further}. Programs that only run plans of networks, which have no
 * temporary memory for it, go without.
 */
export const CPU_WINOGRAD: Variant<ForwardLaunch> = {
  name: "subgroup-winograd",
  supports: isSubgroupWinograd,
  suits: suitsSubgroupWinograd,
  launch: conv2dSubgroupWinograd,
};
