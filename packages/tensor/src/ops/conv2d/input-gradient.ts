import { conv2dBackwardInput } from "@retinaface-webgpu/kernels-wgsl";
import type { Shape } from "../../core/shape.js";
import { keepPacking, LaunchCache } from "../launch-cache.js";
import { defineOp } from "../op.js";
import { type Conv2dAttrs, conv2dSpec, conv2dTraits, runLaunch } from "./forward.js";

export type InputGradientAttrs = Conv2dAttrs & {
  /** Shape of the convolution's input. */
  readonly inputShape: Shape;
  readonly adds?: boolean;
};

const launches = /* @__PURE__ */ new LaunchCache<ReturnType<typeof conv2dBackwardInput>>();

/**
 * Gradient of a convolution towards its input, which is also the transposed convolution. Inputs: g, weight and, with
 * `adds`, a tensor of the input's shape that is added.
 */
export const inputGradientOp = /* @__PURE__ */ defineOp<InputGradientAttrs>({
  name: "conv2dInputGradient",
  outputs: ([g], { inputShape }) => [{ shape: inputShape, dtype: g.dtype }],
  fusion: { adding: (attrs) => (attrs.adds ? undefined : { ...attrs, adds: true }) },
  forward: (run, [g, weight, residual], [gx], { adds, ...attrs }) => {
    const spec = conv2dSpec(gx, weight, attrs);
    const launch = launches.get(run.device, { ...spec, adds }, () =>
      keepPacking(conv2dBackwardInput(spec, conv2dTraits(run.device, true), undefined, adds)),
    );
    runLaunch(run, launch, { x: g, weight, residual, y: gx });
  },
});
