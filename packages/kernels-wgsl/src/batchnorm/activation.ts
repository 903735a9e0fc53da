/** What the kernels of a batch norm share that a leaky ReLU follows. */
import type { ParamValue } from "../kernel.js";

/** The slope as a parameter, where there is an activation. */
export function slopeParam(slope: number | undefined): Record<string, ParamValue> {
  return slope === undefined ? {} : { slope: { f32: slope } };
}

/** NaN stays NaN, as in the activations' own kernels. */
export const LEAKY = "fn leaky(v: T) -> T { return select(v, v * p.slope, v < T(0.0)); }";

/** A gradient of the output, `gradY`, as that of batch norm's own output, told by the output `y`. */
export function throughActivation(slope: number | undefined, at: string): string {
  if (slope === undefined) return `gradY[${at}]`;
  return `select(gradY[${at}] * p.slope, gradY[${at}], y[${at}] > T(0.0))`;
}

/**
 * The same without the output, which is computed again from x − mean: a load less in kernels that have x anyway.
 * The expression is that of the forward pass. Needs `affinePrologue`.
 */
export function beforeActivation(
  slope: number | undefined,
  gradient: string,
  deviation: string,
): string {
  if (slope === undefined) return gradient;
  return `select(${gradient} * p.slope, ${gradient}, ${deviation} * scale + shift > T(0.0))`;
}

/** Statements that `beforeActivation` needs, from `inverse`, gamma and beta. */
export function affinePrologue(slope: number | undefined): string {
  return slope === undefined ? "" : "  let scale = inverse * gamma[c];\n  let shift = beta[c];";
}
