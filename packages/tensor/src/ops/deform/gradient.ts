import { deformInputGradient, deformOffsetGradient } from "@retinaface-webgpu/kernels-wgsl";
import type { Shape } from "../../core/shape.js";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { type DeformAttrs, deformSpec } from "./forward.js";

export interface DeformInputAttrs extends DeformAttrs {
  /** Shape of the input. */
  readonly inputShape: Shape;
}

/** Gradient towards the input. Inputs: g, offset, mask or none. */
const inputGradientOp = /* @__PURE__ */ defineOp<DeformInputAttrs>({
  name: "deformInputGradient",
  outputs: ([g], { inputShape }) => [{ shape: inputShape, dtype: g.dtype }],
  forward: (run, [g, offset, mask], [gx], { inputShape: _, ...attrs }) => {
    const launch = deformInputGradient(deformSpec(gx, offset, mask, attrs));
    const [counts, starts, list] = [launch.counts, launch.starts, launch.list].map((words) =>
      run.scratch(Math.max(1, words), "u32"),
    );
    run.kernel(launch.clear, [counts]);
    run.kernel(launch.count, [offset, counts]);
    run.kernel(launch.begin, [counts, starts]);
    run.kernel(launch.place, [offset, starts, counts, list]);
    run.kernel(launch.order, [starts, counts, list]);
    run.kernel(launch.sum, [g, offset, ...(mask ? [mask] : []), starts, counts, list, gx]);
  },
});

/** Gradients towards offset and, if there is one, mask. Inputs: g, x, offset, mask or none. */
const offsetGradientOp = /* @__PURE__ */ defineOp<DeformAttrs>({
  name: "deformOffsetGradient",
  outputs: ([, , offset, mask]) => (mask ? [offset, mask] : [offset]),
  forward: (run, [g, x, offset, mask], gradients, attrs) => {
    const kernel = deformOffsetGradient(deformSpec(x, offset, mask, attrs));
    run.kernel(kernel, [g, x, offset, ...(mask ? [mask] : []), ...gradients]);
  },
});

/** Of `deformSampleOp`. */
export const deformSampleGradient: Gradient<DeformAttrs> = (
  [g],
  [x, offset, mask],
  _,
  attrs,
  needs,
) => {
  if (!g) return [];
  const factors = mask ? [mask] : [];
  const gx = needs[0]
    ? inputGradientOp([g, offset, ...factors], { ...attrs, inputShape: x.shape })[0]
    : undefined;
  const places = needs[1] || needs[2] ? offsetGradientOp([g, x, offset, ...factors], attrs) : [];
  return [gx, ...places];
};
