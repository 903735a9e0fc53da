import { softmax as softmaxKernel } from "@retinaface-webgpu/kernels-wgsl";
import { normalizeAxis } from "../../core/shape.js";
import type { Tensor } from "../../core/tensor.js";
import { requireDtype } from "../dtype-check.js";
import { transpose } from "../movement/forward.js";
import { defineOp, type Op } from "../op.js";

export interface SoftmaxAttrs {
  /** Gives logarithms. */
  readonly log: boolean;
}

export function specOf(x: Tensor, { log }: SoftmaxAttrs) {
  const length = x.shape[x.rank - 1];
  return { rows: x.size / length, length, log };
}

function declare(name: "softmax" | "logSoftmax"): Op<SoftmaxAttrs> {
  return defineOp<SoftmaxAttrs>({
    name,
    outputs: ([x]) => {
      requireDtype(name, x, "f32");
      return [x];
    },
    forward: (run, [x], [y], attrs) => run.kernel(softmaxKernel(specOf(x, attrs)), [x, y]),
  });
}

export const softmaxOp = /* @__PURE__ */ declare("softmax");
export const logSoftmaxOp = /* @__PURE__ */ declare("logSoftmax");

function apply(op: Op<SoftmaxAttrs>, x: Tensor, axis: number): Tensor {
  const at = normalizeAxis(op.spec.name, axis, x.shape);
  const attrs = { log: op === logSoftmaxOp };
  if (at === x.rank - 1) return op([x], attrs)[0];
  return transpose(op([transpose(x, at, -1)], attrs)[0], at, -1);
}

/** exp(x) / Σ exp(x) along an axis, the last by default. */
export const softmax = (x: Tensor, axis = -1): Tensor => apply(softmaxOp, x, axis);

/** log(softmax(x)) along an axis, the last by default; accurate where the softmax underflows. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => apply(logSoftmaxOp, x, axis);
