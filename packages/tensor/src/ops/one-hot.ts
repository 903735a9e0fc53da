import { oneHot as oneHotKernel } from "@retinaface-webgpu/kernels-wgsl";
import { requireIntegers } from "../core/arguments.js";
import type { Tensor } from "../core/tensor.js";
import { requireDtype } from "./dtype-check.js";
import { defineOp } from "./op.js";

const oneHotOp = /* @__PURE__ */ defineOp<{ readonly classes: number }>({
  name: "oneHot",
  outputs: ([labels], { classes }) => {
    requireDtype("oneHot", labels, "i32");
    return [{ shape: [...labels.shape, classes], dtype: "f32" }];
  },
  forward: (run, [labels], [rows], { classes }) =>
    run.kernel(oneHotKernel({ labels: labels.size, classes }), [labels, rows]),
});

/** Rows of zeros with a one at each label: […] (i32) → […, classes] (f32). A label that is no class gives zeros. */
export function oneHot(labels: Tensor, classes: number): Tensor {
  requireIntegers("oneHot's classes", [classes], 1);
  return oneHotOp([labels], { classes })[0];
}
