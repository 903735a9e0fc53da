/** Which convolutions the kernels for CPU adapters take. */
import type { Conv2dSpec, Conv2dTraits } from "../shared/spec.js";
import { isDepthwise } from "./depthwise.js";
import { isWalkable } from "./subgroup-depthwise.js";
import { hasLanesOf8 } from "./subgroup-gemm.js";
import { oneGroup } from "./variants.js";

/** Whether a depthwise kernel can walk down the rows with subgroups of 8 columns. */
export function walks(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return isDepthwise(spec) && isWalkable(spec) && traits.software && hasLanesOf8(traits);
}

/** Whether the kernels that broadcast within a subgroup of 8 apply. */
export function broadcasts(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return oneGroup(spec) && traits.software && hasLanesOf8(traits);
}
