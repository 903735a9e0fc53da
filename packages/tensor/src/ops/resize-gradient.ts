/** The gradient of resizing, apart from it so that a program that only runs networks does not carry its kernels. */
import { resizeBackward } from "@retinaface-webgpu/kernels-wgsl";
import type { TensorInfo } from "../core/tensor.js";
import { defineOp } from "./op.js";
import { type ResizeAttrs, resizeOp, specOf } from "./resize.js";

const resizeGradient = /* @__PURE__ */ defineOp<ResizeAttrs & { readonly from: TensorInfo }>({
  name: "resizeBackward",
  outputs: (_, { from }) => [from],
  forward: (run, [g], [gx], attrs) => run.kernel(resizeBackward(specOf(gx, attrs)), [g, gx]),
});

resizeOp.spec.backward = ([g], [x], _, attrs) => [
  g && resizeGradient([g], { ...attrs, from: { shape: x.shape, dtype: x.dtype } })[0],
];
