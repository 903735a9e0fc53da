import { conv2dBlocked } from "./blocked.js";
import { conv2dDepthwise, isDepthwise } from "./depthwise.js";
import { conv2dDirect } from "./direct.js";
import { forwardText } from "./forward.js";
import {
  asForwardConv2d,
  conv2dInputGradientGather,
  swapped,
  turnedRound,
} from "./input-gradient.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  Conv2dSpecError,
  type Conv2dTraits,
  checkConv2dSpec,
} from "./spec.js";
import { conv2dSubgroupDepthwise, isWalkable } from "./subgroup-depthwise.js";
import { conv2dSubgroupDepthwiseGradient } from "./subgroup-depthwise-gradient.js";
import { conv2dSubgroupDepthwiseSpread } from "./subgroup-depthwise-spread.js";
import { conv2dSubgroupGemm, hasLanesOf8 } from "./subgroup-gemm.js";
import { conv2dSubgroupWeightGradient } from "./subgroup-weight-gradient.js";
import { conv2dTiled } from "./tiled.js";
import type { Conv2dWeightGradient } from "./weight-gradient.js";
import { conv2dWeightGradientGeneral } from "./weight-gradient-general.js";

/** A way to do something with a convolution: which specs it takes, and its launch. */
interface Variant<Launch> {
  readonly name: string;
  readonly supports: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  /** Whether it is expected to beat the variants after it; always when absent. */
  readonly suits?: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  readonly launch: Launch;
}

const always = (): boolean => true;

function walks(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return isDepthwise(spec) && isWalkable(spec) && traits.software && hasLanesOf8(traits);
}

function multiplies(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return spec.groups === 1 && traits.software && hasLanesOf8(traits);
}

function oneGroup(spec: Conv2dSpec): boolean {
  return spec.groups === 1;
}

/** Whether a convolution fills tiles in workgroup memory well enough to be worth their barriers. */
function fillsTiles(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  const depth = (spec.inChannels / spec.groups) * spec.kernelSize[0] * spec.kernelSize[1];
  return !traits.software && spec.outChannels >= 16 && depth >= 16;
}

/**
 * All ways to run a convolution; `transposed` launches take the weights of the convolution whose
 * input gradient the spec computes.
 */
const FORWARD: readonly Variant<(spec: Conv2dSpec, transposed: boolean) => Conv2dLaunch>[] = [
  { name: "subgroup-depthwise", supports: walks, launch: conv2dSubgroupDepthwise },
  { name: "depthwise", supports: isDepthwise, launch: conv2dDepthwise },
  { name: "subgroup-gemm", supports: multiplies, launch: conv2dSubgroupGemm },
  { name: "tiled", supports: oneGroup, suits: fillsTiles, launch: conv2dTiled },
  { name: "blocked", supports: oneGroup, launch: conv2dBlocked },
  { name: "direct", supports: always, launch: conv2dDirect },
];

function sizeOfInput(spec: Conv2dSpec): readonly [number, number] {
  return [spec.inHeight, spec.inWidth];
}

/** Ways to compute the gradient towards the input that are no forward convolution. */
const INPUT_GRADIENT: readonly Variant<(spec: Conv2dSpec) => Conv2dLaunch>[] = [
  {
    name: "subgroup-depthwise-spread",
    supports: (spec, traits) => walks(swapped(spec), traits) && spec.stride[0] === 2,
    launch: (spec) => conv2dSubgroupDepthwiseSpread(swapped(spec), sizeOfInput(spec)),
  },
  {
    name: "subgroup-gemm-spread",
    supports: multiplies,
    launch: (spec) => conv2dSubgroupGemm(turnedRound(spec), true, sizeOfInput(spec)),
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
    supports: multiplies,
    launch: conv2dSubgroupWeightGradient,
  },
  { name: "weight-gradient", supports: always, launch: conv2dWeightGradientGeneral },
];

/** Names of the variants that support the spec, those expected to be slow last. */
function namesOf(
  variants: readonly Variant<unknown>[],
  spec: Conv2dSpec,
  traits: Conv2dTraits,
): string[] {
  const able = variants.filter((v) => v.supports(spec, traits));
  const slow = able.filter((v) => v.suits && !v.suits(spec, traits));
  return [...able.filter((v) => !slow.includes(v)), ...slow].map((v) => v.name);
}

/** The wanted variant, or the first of those that support the spec. */
function pick<V extends Variant<unknown>>(
  variants: readonly V[],
  spec: Conv2dSpec,
  traits: Conv2dTraits,
  wanted: string | undefined,
): V {
  const names = namesOf(variants, spec, traits);
  const name = wanted ?? names[0];
  const found = variants.find((v) => v.name === name && names.includes(v.name));
  if (!found) throw unknownVariant(name, names);
  return found;
}

function unknownVariant(name: string | undefined, names: readonly string[]): Conv2dSpecError {
  return new Conv2dSpecError(
    `conv2d: variant ${name} cannot run this convolution; take one of ${names.join(", ")}`,
  );
}

/** Names of all variants that can run a spec within the adapter's limits, best guess first. */
export function conv2dVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  return namesOf(FORWARD, spec, traits);
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
  return pick(FORWARD, spec, traits, variant).launch(spec, false);
}

/** Names of all ways to compute the gradient towards the input, best guess first. */
export function conv2dBackwardInputVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  const forward = asForwardConv2d(spec);
  const names = namesOf(INPUT_GRADIENT, spec, traits);
  return forward ? [...conv2dVariants(forward, traits), ...names] : names;
}

/**
 * The gradient of a convolution (without residual and activation) towards its input.
 *
 * The launch packs the same OIHW weight. A dispatch binds: gradOutput (the slice of `outStride`,
 * `outOffset`), packed, gradInput (the slice of `inStride`, `inOffset`; overwritten).
 *
 * @param variant a name from `conv2dBackwardInputVariants`; the best guess when absent
 * @throws {Conv2dSpecError} as `conv2d`
 */
export function conv2dBackwardInput(
  spec: Conv2dSpec,
  traits: Conv2dTraits,
  variant?: string,
): Conv2dLaunch {
  checkConv2dSpec(spec);
  const forward = asForwardConv2d(spec);
  const names = conv2dBackwardInputVariants(spec, traits);
  const name = variant ?? names[0];
  if (name === undefined || !names.includes(name)) throw unknownVariant(name, names);
  const found = INPUT_GRADIENT.find((v) => v.name === name);
  if (found) return found.launch(spec);
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
