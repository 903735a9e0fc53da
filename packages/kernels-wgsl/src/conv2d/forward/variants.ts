/** Choosing among ways to compute one thing. */

import { type Conv2dSpec, Conv2dSpecError, type Conv2dTraits } from "../shared/spec.js";
import { isDepthwise } from "./depthwise.js";
import { isWalkable } from "./subgroup-depthwise.js";
import { hasLanesOf8 } from "./subgroup-gemm.js";

/** A way to do something with a convolution: which specs it takes, and its launch. */
export interface Variant<Launch> {
  readonly name: string;
  readonly supports: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  /** Whether it is expected to beat the variants after it; always when absent. */
  readonly suits?: (spec: Conv2dSpec, traits: Conv2dTraits) => boolean;
  readonly launch: Launch;
}

/** Names of the variants that support the spec, those expected to be slow last. */
export function namesOf(
  variants: readonly Variant<unknown>[],
  spec: Conv2dSpec,
  traits: Conv2dTraits,
): string[] {
  const able = variants.filter((v) => v.supports(spec, traits));
  const slow = able.filter((v) => v.suits && !v.suits(spec, traits));
  return [...able.filter((v) => !slow.includes(v)), ...slow].map((v) => v.name);
}

/**
 * The wanted variant, or the first of those that support the spec.
 * @throws {Conv2dSpecError} if the wanted one does not
 */
export function pick<V extends Variant<unknown>>(
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

export function unknownVariant(
  name: string | undefined,
  names: readonly string[],
): Conv2dSpecError {
  return new Conv2dSpecError(
    `conv2d: variant ${name} cannot run this convolution; take one of ${names.join(", ")}`,
  );
}

export function always(): boolean {
  return true;
}

/** For what only measurement may choose. */
export function never(): boolean {
  return false;
}

/** Whether the adapter is no CPU, where invocations of a workgroup run one after another. */
export function onGpu(_spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return !traits.software;
}

export function oneGroup(spec: Conv2dSpec): boolean {
  return spec.groups === 1;
}

/** Whether a depthwise kernel can walk down the rows with subgroups of 8 columns. */
export function walks(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return isDepthwise(spec) && isWalkable(spec) && traits.software && hasLanesOf8(traits);
}

/** Whether the kernels that broadcast within a subgroup of 8 apply. */
export function broadcasts(spec: Conv2dSpec, traits: Conv2dTraits): boolean {
  return oneGroup(spec) && traits.software && hasLanesOf8(traits);
}
