import { Tail } from "./records.js";

/** What is applied to every element before it is stored. */
export type Activation =
  | { readonly kind: "none" }
  | { readonly kind: "relu" }
  | { readonly kind: "leaky_relu"; readonly slope: number }
  | { readonly kind: "sigmoid" };

/** The record's words for an activation. */
export function tailOf(activation: Activation): { tail: Tail; slope: number } {
  if (activation.kind === "none") return { tail: Tail.none, slope: 1 };
  if (activation.kind === "sigmoid") return { tail: Tail.sigmoid, slope: 1 };
  const slope = activation.kind === "relu" ? 0 : activation.slope;
  if (slope === 0) return { tail: Tail.relu, slope };
  return { tail: slope > 0 && slope <= 1 ? Tail.leaky : Tail.anySlope, slope };
}
