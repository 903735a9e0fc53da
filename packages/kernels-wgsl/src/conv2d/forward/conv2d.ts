import {
  type Conv2dLaunch,
  type Conv2dSpec,
  Conv2dSpecError,
  type Conv2dTraits,
  checkConv2dSpec,
  type ForwardLaunch,
  type Variant,
} from "../shared/spec.js";
import { conv2dDepthwise, isDepthwise } from "./depthwise.js";
import { conv2dDirect } from "./direct.js";
import { conv2dTiled, conv2dTiledSmall, ENOUGH_WORKGROUPS, largeTiles } from "./tiled.js";
import { always, namesOf, oneGroup, pick } from "./variants.js";

/** Whether a convolution fills tiles in workgroup memory well enough to be worth their barriers. */
function fillsTiles(spec: Conv2dSpec, { software }: Conv2dTraits): boolean {
  const depth = (spec.inChannels / spec.groups) * spec.kernelSize[0] * spec.kernelSize[1];
  return !software && spec.outChannels > 8 && depth >= 8;
}

function fillsLargeTiles(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return fillsTiles(spec, traits) && largeTiles(spec) >= ENOUGH_WORKGROUPS;
}

/** A way to run a convolution. */
export type ForwardVariant = Variant<ForwardLaunch>;

/** Ways to run a convolution on every adapter. */
export const FORWARD: ForwardVariant[] = [
  { name: "depthwise", supports: isDepthwise, launch: conv2dDepthwise },
  { name: "tiled", supports: oneGroup, suits: fillsLargeTiles, launch: conv2dTiled },
  { name: "tiled-small", supports: oneGroup, suits: fillsTiles, launch: conv2dTiledSmall },
  { name: "direct", supports: always, launch: conv2dDirect },
];

/** All ways to run a convolution, best guess first. */
export function forwardVariants({ further = [] }: Conv2dTraits): ForwardVariant[] {
  return [...further, ...FORWARD];
}

/** Names of all variants that can run a spec within the adapter's limits, best guess first. */
export function conv2dVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  return namesOf(forwardVariants(traits), spec, traits);
}

/**
 * A convolution as dispatches.
 *
 * @param variant a name from `conv2dVariants`; the chooser's best guess when absent
 * @throws {Conv2dSpecError} if the numbers of the spec do not fit together, or the variant cannot
 *   run it
 */
export function conv2d(spec: Conv2dSpec, traits: Conv2dTraits, variant?: string): Conv2dLaunch {
  checkConv2dSpec(spec);
  const half = [spec.inType, spec.outType, spec.residual?.type].includes("f16");
  if (half && !traits.f16) {
    throw new Conv2dSpecError("conv2d: f16 operands need an adapter with shader-f16; store f32");
  }
  return pick(forwardVariants(traits), spec, traits, variant).launch(spec, false);
}
