import { softmaxBackward, softmax as softmaxKernel } from "@retinaface-webgpu/kernels-wgsl";
import { normalizeAxis } from "../core/shape.js";
import type { Tensor } from "../core/tensor.js";
import { requireDtype } from "./dtype-check.js";
import { transpose } from "./movement.js";
import { defineOp } from "./op.js";

function declare(log: boolean): (x: Tensor, axis?: number) => Tensor {
  const name = log ? "logSoftmax" : "softmax";
  const spec = (x: Tensor) => {
    const length = x.shape[x.rank - 1];
    return { rows: x.size / length, length, log };
  };
  const gradient = defineOp<null>({
    name: `${name}Backward`,
    outputs: ([g]) => [g],
    forward: (run, [g, y], [gx]) => run.kernel(softmaxBackward(spec(g)), [g, y, gx]),
  });
  const apply = defineOp<null>({
    name,
    outputs: ([x]) => {
      requireDtype(name, x, "f32");
      return [x];
    },
    forward: (run, [x], [y]) => run.kernel(softmaxKernel(spec(x)), [x, y]),
    backward: ([g], _, [y]) => [g && gradient([g, y], null)[0]],
  });
  return (x, axis = -1) => {
    const at = normalizeAxis(name, axis, x.shape);
    if (at === x.rank - 1) return apply([x], null)[0];
    return transpose(apply([transpose(x, at, -1)], null)[0], at, -1);
  };
}

/** exp(x) / Σ exp(x) along an axis, the last by default. */
export const softmax = /* @__PURE__ */ declare(false);

/** log(softmax(x)) along an axis, the last by default; accurate where the softmax underflows. */
export const logSoftmax = /* @__PURE__ */ declare(true);
