/**
 * Two convolutions of one input as one dispatch: their weights side by side, each with an output and an activation of its
 * own (`Conv2dSecond`).
 *
 * It spares a dispatch and reads the input once, where nothing is computed in vain: lanes or tiles that
 * two convolutions fill may be filled worse by their sum. On CPU adapters with subgroups 32 and 16 channels are two blocks,
 * of 32 lanes and 16, and 48 channels are two of 32.
 */
import type { Conv2dSpec, Conv2dTraits } from "../shared/spec.js";
import { broadcasts, subgroupGemmChannels } from "./cpu-traits.js";

/** All that two convolutions of one input must have in common. */
function geometryOf(spec: Conv2dSpec): string {
  const { batch, inHeight, inWidth, inChannels, inStride = inChannels, inOffset = 0 } = spec;
  const { kernelSize, stride, dilation, padding, inType = "f32", outType = "f32" } = spec;
  return [
    ...[batch, inHeight, inWidth, inChannels, inStride, inOffset, inType, outType],
    ...[kernelSize, stride, dilation, padding].map((pair) => pair.join()),
  ].join("|");
}

/** The two as one convolution, the first's channels before the second's; undefined where that cannot be, or costs more. */
export function joinedConv2d(
  first: Conv2dSpec,
  second: Conv2dSpec,
  traits: Conv2dTraits,
): Conv2dSpec | undefined {
  const both = [first, second];
  if (geometryOf(first) !== geometryOf(second) || first.outChannels % 4 !== 0) return undefined;
  if (both.some((spec) => spec.groups > 1 || spec.residual || spec.second)) return undefined;
  const outChannels = first.outChannels + second.outChannels;
  const joined: Conv2dSpec = {
    ...first,
    outChannels,
    outStride: first.outStride ?? first.outChannels,
    second: {
      from: first.outChannels,
      activation: second.activation,
      outStride: second.outStride ?? second.outChannels,
      outOffset: second.outOffset ?? 0,
    },
  };
  if (!broadcasts(joined, traits)) return joined;
  const apart = both.reduce((sum, spec) => sum + subgroupGemmChannels(spec.outChannels), 0);
  return subgroupGemmChannels(outChannels) <= apart ? joined : undefined;
}
