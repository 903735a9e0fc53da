import { contiguousStrides, fill, stridedCopy } from "@retinaface-webgpu/kernels-wgsl";
import type { Shape } from "../../core/shape.js";
import { defineOp } from "../op.js";
import { sumTo } from "../reduce/sum-to.js";
import type { Gradient } from "../spec.js";
import { cast, narrow, permute, reshape, type SliceAttrs, sliceView } from "./forward.js";

export const reshapeGradient: Gradient<unknown> = ([g], [x]) => [g && reshape(g, x.shape)];

export const permuteGradient: Gradient<{ axes: readonly number[] }> = ([g], _, __, { axes }) => {
  const inverse = axes.map((_, k) => axes.indexOf(k));
  return [g && permute(g, inverse)];
};

export const broadcastGradient: Gradient<unknown> = ([g], [x]) => [g && sumTo(g, x.shape)];

export const castGradient: Gradient<unknown> = ([g], [x]) => [g && cast(g, x.dtype)];

export const concatGradient: Gradient<{ axis: number }> = ([g], inputs, _, { axis }, needs) => {
  let start = 0;
  return inputs.map((x, k) => {
    const end = start + x.shape[axis];
    const part = g && needs[k] ? narrow(g, axis, start, x.shape[axis]) : undefined;
    start = end;
    return part;
  });
};

const sliceBackward = /* @__PURE__ */ defineOp<SliceAttrs & { readonly from: Shape }>({
  name: "sliceBackward",
  outputs: ([g], { from }) => [{ shape: from, dtype: g.dtype }],
  forward: (run, [g], [gx], attrs) => {
    run.kernel(fill(gx.size, 0, gx.dtype), [gx]);
    const from = { strides: contiguousStrides(g.shape) };
    const to = sliceView(gx.shape, attrs);
    if (g.size > 0) run.kernel(stridedCopy({ shape: g.shape, from, to, type: g.dtype }), [g, gx]);
  },
});

export const sliceGradient: Gradient<SliceAttrs> = ([g], [x], _, attrs) => [
  g && sliceBackward([g], { ...attrs, from: x.shape })[0],
];
