/** Choosing among ways to compute one thing. */

import {
  type Conv2dSpec,
  Conv2dSpecError,
  type Conv2dTraits,
  type Variant,
} from "../shared/spec.js";

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
