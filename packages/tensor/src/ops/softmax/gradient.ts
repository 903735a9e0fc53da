import { softmaxBackward } from "@retinaface-webgpu/kernels-wgsl";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { type SoftmaxAttrs, specOf } from "./forward.js";

const softmaxBackwardOp = /* @__PURE__ */ defineOp<SoftmaxAttrs>({
  name: "softmaxBackward",
  outputs: ([g]) => [g],
  forward: (run, [g, y], [gx], attrs) => run.kernel(softmaxBackward(specOf(g, attrs)), [g, y, gx]),
});

/** Of the softmax and of its logarithm. */
export const softmaxGradient: Gradient<SoftmaxAttrs> = ([g], _, [y], attrs) => [
  g && softmaxBackwardOp([g, y], attrs)[0],
];
