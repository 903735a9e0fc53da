import { resizeBackward } from "@retinaface-webgpu/kernels-wgsl";
import type { TensorInfo } from "../../core/tensor.js";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { type ResizeAttrs, specOf } from "./forward.js";

const resizeBackwardOp = /* @__PURE__ */ defineOp<ResizeAttrs & { readonly from: TensorInfo }>({
  name: "resizeBackward",
  outputs: (_, { from }) => [from],
  forward: (run, [g], [gx], attrs) => run.kernel(resizeBackward(specOf(gx, attrs)), [g, gx]),
});

export const resizeGradient: Gradient<ResizeAttrs> = ([g], [x], _, attrs) => [
  g && resizeBackwardOp([g], { ...attrs, from: { shape: x.shape, dtype: x.dtype } })[0],
];
