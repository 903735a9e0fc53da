import { conv2dVariants, FORWARD } from "./forward/conv2d.js";
import { forwardText } from "./forward/forward.js";
import { conv2dSubgroupDepthwiseSpread } from "./forward/subgroup-depthwise-spread.js";
import { conv2dSubgroupGemm } from "./forward/subgroup-gemm.js";
import {
  always,
  broadcasts,
  namesOf,
  oneGroup,
  onGpu,
  pick,
  unknownVariant,
  type Variant,
  walks,
} from "./forward/variants.js";
import {
  asForwardConv2d,
  conv2dInputGradientGather,
  swapped,
  turnedRound,
} from "./input-gradient/input-gradient.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  type Conv2dTraits,
  checkConv2dSpec,
} from "./shared/spec.js";
import { conv2dDepthwiseGradient, isDepthwise3x3 } from "./weight-gradient/depthwise.js";
import { conv2dWeightGradientGeneral } from "./weight-gradient/general.js";
import { conv2dSubgroupWeightGradient } from "./weight-gradient/subgroup.js";
import { conv2dSubgroupDepthwiseGradient } from "./weight-gradient/subgroup-depthwise.js";
import { conv2dTiledWeightGradient } from "./weight-gradient/tiled.js";
import type { Conv2dWeightGradient } from "./weight-gradient/weight-gradient.js";

function sizeOfInput(spec: Conv2dSpec): readonly [number, number] {
  return [spec.inHeight, spec.inWidth];
}

/** Ways to compute the gradient towards the input that are no forward convolution. */
const INPUT_GRADIENT: readonly Variant<(spec: Conv2dSpec, adds: boolean) => Conv2dLaunch>[] = [
  {
    name: "subgroup-depthwise-spread",
    supports: (spec, traits) => walks(swapped(spec), traits) && spec.stride[0] === 2,
    launch: (spec, adds) => conv2dSubgroupDepthwiseSpread(swapped(spec, adds), sizeOfInput(spec)),
  },
  {
    name: "subgroup-gemm-spread",
    supports: broadcasts,
    suits: (spec) => spec.outChannels >= 8 && spec.inChannels >= 8,
    launch: (spec, adds) => conv2dSubgroupGemm(turnedRound(spec, adds), true, sizeOfInput(spec)),
  },
  { name: "gather", supports: always, launch: conv2dInputGradientGather },
];

const WEIGHT_GRADIENT: readonly Variant<(spec: Conv2dSpec) => Conv2dWeightGradient>[] = [
  {
    name: "subgroup-depthwise-gradient",
    supports: (spec, traits) => walks(spec, traits) && forwardText(spec, 4).wideOut,
    launch: conv2dSubgroupDepthwiseGradient,
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

/** Names of all ways to compute the gradient towards the input, best guess first. */
export function conv2dBackwardInputVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  const forward = asForwardConv2d(spec);
  const names = namesOf(INPUT_GRADIENT, spec, traits);
  return forward ? [...conv2dVariants(forward, traits), ...names] : names;
}

/**
 * The gradient of a convolution (without residual and activation) towards its input.
 *
 * The launch packs the same OIHW weight. The "input" of its dispatches is the gradient of the
 * output (the slice of `outStride`, `outOffset`), their "output" the gradient of the input (the
 * slice of `inStride`, `inOffset`; overwritten).
 *
 * @param variant a name from `conv2dBackwardInputVariants`; the best guess when absent
 * @param adds the dispatches take a "residual" of the input's size, densely stored, and add it: a gradient from elsewhere
 * @throws {Conv2dSpecError} as `conv2d`
 */
export function conv2dBackwardInput(
  spec: Conv2dSpec,
  traits: Conv2dTraits,
  variant?: string,
  adds = false,
): Conv2dLaunch {
  checkConv2dSpec(spec);
  const forward = asForwardConv2d(spec, adds);
  const names = conv2dBackwardInputVariants(spec, traits);
  const name = variant ?? names[0];
  if (name === undefined || !names.includes(name)) throw unknownVariant(name, names);
  const found = INPUT_GRADIENT.find((v) => v.name === name);
  if (found) return found.launch(spec, adds);
  return pick(FORWARD, forward!, traits, name).launch(forward!, true);
}

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
