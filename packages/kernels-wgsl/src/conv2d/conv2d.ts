import { asForwardConv2d, conv2dInputGradientGather } from "./backward-input.js";
import { conv2dDepthwise, isDepthwise } from "./depthwise.js";
import { conv2dDirect } from "./direct.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  Conv2dSpecError,
  type Conv2dTraits,
  checkConv2dSpec,
} from "./spec.js";
import { conv2dSubgroupDepthwise, isWalkable } from "./subgroup-depthwise.js";
import { conv2dSubgroupGemm, hasLanesOf8 } from "./subgroup-gemm.js";

/** A way to run a convolution: which specs it takes, and its launch. */
interface Variant {
  readonly name: string;
  readonly supports: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  /** `transposed`: with the weights of the convolution whose input gradient this is. */
  readonly launch: (spec: Conv2dSpec, transposed: boolean, traits: Conv2dTraits) => Conv2dLaunch;
}

/** Best first: the chooser takes the first that supports the spec. */
const VARIANTS: readonly Variant[] = [
  {
    name: "subgroup-depthwise",
    supports: (spec, traits) =>
      isDepthwise(spec) && isWalkable(spec) && traits.software && hasLanesOf8(traits),
    launch: conv2dSubgroupDepthwise,
  },
  { name: "depthwise", supports: isDepthwise, launch: conv2dDepthwise },
  {
    name: "subgroup-gemm",
    supports: (spec, traits) => spec.groups === 1 && traits.software && hasLanesOf8(traits),
    launch: conv2dSubgroupGemm,
  },
  { name: "direct", supports: () => true, launch: conv2dDirect },
];

/** Names of all variants that can run a spec within the adapter's limits, best guess first. */
export function conv2dVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  return VARIANTS.filter((v) => v.supports(spec, traits)).map((v) => v.name);
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
  return launchOf(spec, traits, false, variant);
}

function launchOf(
  spec: Conv2dSpec,
  traits: Conv2dTraits,
  transposed: boolean,
  variant: string | undefined,
): Conv2dLaunch {
  const names = conv2dVariants(spec, traits);
  const name = variant ?? names[0];
  const found = VARIANTS.find((v) => v.name === name && names.includes(v.name));
  if (!found) throw unknownVariant(name, names);
  return found.launch(spec, transposed, traits);
}

function unknownVariant(name: string | undefined, names: readonly string[]): Conv2dSpecError {
  return new Conv2dSpecError(
    `conv2d: variant ${name} cannot run this convolution; take one of ${names.join(", ")}`,
  );
}

/** Names of all ways to compute the gradient towards the input, best guess first. */
export function conv2dBackwardInputVariants(spec: Conv2dSpec, traits: Conv2dTraits): string[] {
  const forward = asForwardConv2d(spec);
  return forward ? [...conv2dVariants(forward, traits), "gather"] : ["gather"];
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
  if (variant === "gather" || (!forward && variant === undefined)) {
    return conv2dInputGradientGather(spec);
  }
  if (!forward) throw unknownVariant(variant, ["gather"]);
  return launchOf(forward, traits, true, variant);
}
