/** What the kernels of a batch norm share that a leaky ReLU follows. */
import type { ParamValue } from "../kernel.js";

/** The slope as a parameter, where there is an activation. */
export function slopeParam(slope: number | undefined): Record<string, ParamValue> {
  return slope === undefined ? {} : { slope: { f32: slope } };
}

/** A gradient of the output, `gradY[at]`, as that of batch norm's own output. */
export function throughActivation(slope: number | undefined, zero: string): string {
  return slope === undefined
    ? "gradY[at]"
    : `select(gradY[at] * p.slope, gradY[at], y[at] > ${zero})`;
}
