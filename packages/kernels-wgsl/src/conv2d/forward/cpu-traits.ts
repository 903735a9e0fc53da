/**
 * Which convolutions the kernels for CPU adapters take, apart from these: what chooses is there for every adapter, they are
 * not.
 */
import type { Conv2dSpec, Conv2dTraits } from "../shared/spec.js";
import { isDepthwise } from "./depthwise.js";
import { forwardText, type Width } from "./forward.js";
import { oneGroup } from "./variants.js";

/** Invocations of a subgroup that they are written for. */
export const LANES = 8;
/** Of the depthwise one, side by side. */
const CHANNELS = 4;

function hasLanesOf8(traits: Conv2dTraits): boolean {
  return traits.subgroups && traits.subgroupSize === LANES;
}

/** Whether the spec is a 3×3 of stride 1 or 2 without dilation, four channels at a time. */
function isWalkable(spec: Conv2dSpec): boolean {
  const [stride] = spec.stride;
  return (
    spec.kernelSize.every((k) => k === 3) &&
    spec.dilation.every((d) => d === 1) &&
    spec.stride.every((s) => s === stride && s <= 2) &&
    forwardText(spec, CHANNELS).vec4In
  );
}

/** Whether a depthwise kernel can walk down the rows with subgroups of 8 columns. */
export function walks(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return isDepthwise(spec) && isWalkable(spec) && traits.software && hasLanesOf8(traits);
}

/** Whether the kernels that broadcast within a subgroup of 8 apply. */
export function broadcasts(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return oneGroup(spec) && traits.software && hasLanesOf8(traits);
}

/** Channels that are computed for a number of them. */
export function subgroupGemmChannels(outChannels: number): number {
  const block = LANES * widthFor(outChannels);
  return Math.ceil(outChannels / block) * block;
}

/** Channels that a lane of `subgroup-gemm.ts` computes. */
export function widthFor(outChannels: number): Width {
  if (outChannels <= LANES) return 1;
  return outChannels <= 2 * LANES ? 2 : 4;
}
