import { conv2dDepthwise, isDepthwise } from "./depthwise.js";
import { conv2dDirect } from "./direct.js";
import {
  type Conv2dLaunch,
  type Conv2dSpec,
  Conv2dSpecError,
  type Conv2dTraits,
  checkConv2dSpec,
} from "./spec.js";

/** A way to run a convolution: which specs it takes, and its launch. */
interface Variant {
  readonly name: string;
  readonly supports: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  readonly launch: (spec: Conv2dSpec, traits: Conv2dTraits) => Conv2dLaunch;
}

/** Best first: the chooser takes the first that supports the spec. */
const VARIANTS: readonly Variant[] = [
  { name: "depthwise", supports: isDepthwise, launch: conv2dDepthwise },
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
  const wanted = variant ?? conv2dVariants(spec, traits)[0];
  const found = VARIANTS.find((v) => v.name === wanted && v.supports(spec, traits));
  if (!found) {
    throw new Conv2dSpecError(
      `conv2d: variant ${wanted} cannot run this convolution; ` +
        `take one of ${conv2dVariants(spec, traits).join(", ")}`,
    );
  }
  return found.launch(spec, traits);
}
