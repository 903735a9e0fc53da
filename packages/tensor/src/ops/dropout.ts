import { dropoutMask } from "@retinaface-webgpu/kernels-wgsl";
import { TensorError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { mul } from "./binary/forward.js";
import { requireDtype } from "./dtype-check.js";
import { defineOp } from "./op.js";

/** Which random numbers; `call` is read at every run of what is compiled. */
export interface DropoutAttrs {
  readonly keep: number;
  readonly seed: number;
  readonly call: number;
}

const maskOp = /* @__PURE__ */ defineOp<DropoutAttrs>({
  name: "dropoutMask",
  varies: true,
  outputs: ([x]) => {
    requireDtype("dropout", x, "f32");
    return [{ shape: x.shape, dtype: x.dtype }];
  },
  forward: (run, [x], [mask], { keep, seed, call }) =>
    run.kernel(dropoutMask({ count: x.size, keep, seed, stream: call }), [x, mask]),
});

/**
 * Multiplies by 1 / keep with probability keep, else by 0 (Srivastava et al. 2014).
 *
 * @param attrs `seed` and `call` decide which elements. What is compiled reads `call` anew at every run: change it, or
 * make it a getter, for another mask at each
 * @throws TensorError `ARGUMENT` unless 0 ≤ keep ≤ 1
 */
export function dropout(x: Tensor, attrs: DropoutAttrs): Tensor {
  if (!(attrs.keep >= 0 && attrs.keep <= 1)) {
    throw new TensorError("ARGUMENT", `dropout keeps a part from 0 to 1, not ${attrs.keep}.`);
  }
  const like = x.detach();
  const [mask] = maskOp([like], attrs);
  const y = mul(x, mask);
  // The tape holds what the gradient needs of both.
  like.dispose();
  mask.dispose();
  return y;
}
