/** Choosing how to compute the gradients towards weight and bias. */
import { broadcasts, walks } from "../forward/cpu-traits.js";
import { forwardText } from "../forward/forward.js";
import { always, namesOf, oneGroup, onGpu, pick } from "../forward/variants.js";
import {
  type Conv2dSpec,
  type Conv2dTraits,
  checkConv2dSpec,
  type Variant,
} from "../shared/spec.js";
import { isSubgroupWinograd } from "../winograd/forward.js";
import {
  conv2dSubgroupWinogradWeightGradient,
  suitsSubgroupWinogradWeightGradient,
} from "../winograd/weight-gradient.js";
import { conv2dDepthwiseGradient, isDepthwise3x3 } from "./depthwise.js";
import { conv2dWeightGradientGeneral } from "./general.js";
import { conv2dSubgroupWeightGradient } from "./subgroup.js";
import { conv2dSubgroupDepthwiseGradient } from "./subgroup-depthwise.js";
import { conv2dTiledWeightGradient } from "./tiled.js";
import type { Conv2dWeightGradient } from "./weight-gradient.js";

const WEIGHT_GRADIENT: readonly Variant<(spec: Conv2dSpec) => Conv2dWeightGradient>[] = [
  {
    name: "subgroup-depthwise-gradient",
    supports: (spec, traits) => walks(spec, traits) && forwardText(spec, 4).wideOut,
    launch: conv2dSubgroupDepthwiseGradient,
  },
  {
    name: "subgroup-winograd-weight-gradient",
    supports: isSubgroupWinograd,
    suits: suitsSubgroupWinogradWeightGradient,
    launch: conv2dSubgroupWinogradWeightGradient,
  },
  {
    name: "subgroup-weight-gradient",
    supports: broadcasts,
    launch: conv2dSubgroupWeightGradient,
  },
  {
    name: "depthwise-gradient",
    supports: isDepthwise3x3,
    suits: onGpu,
    launch: conv2dDepthwiseGradient,
  },
  {
    name: "tiled-weight-gradient",
    supports: oneGroup,
    suits: onGpu,
    launch: conv2dTiledWeightGradient,
  },
  { name: "weight-gradient", supports: always, launch: conv2dWeightGradientGeneral },
];

/** Names of all ways to compute the gradients towards weight and bias, best guess first. */
export function conv2dBackwardWeightVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  return namesOf(WEIGHT_GRADIENT, spec, traits);
}

/**
 * The gradients of a convolution (without residual and activation) towards weight and bias.
 *
 * @param variant a name from `conv2dBackwardWeightVariants`; the best guess when absent
 * @throws {Conv2dSpecError} as `conv2d`
 */
export function conv2dBackwardWeight(
  spec: Conv2dSpec,
  traits: Conv2dTraits,
  variant?: string,
): Conv2dWeightGradient {
  checkConv2dSpec(spec);
  return pick(WEIGHT_GRADIENT, spec, traits, variant).launch(spec);
}
