import { averagePoolBackward, maxPoolBackward } from "@retinaface-webgpu/kernels-wgsl";
import type { TensorInfo } from "../../core/tensor.js";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { type AverageAttrs, type PoolAttrs, specOf } from "./forward.js";

const maxGradient = /* @__PURE__ */ defineOp<PoolAttrs & { readonly source: TensorInfo }>({
  name: "maxPoolBackward",
  outputs: (_, { source }) => [source],
  forward: (run, [g, positions], [gx], attrs) =>
    run.kernel(maxPoolBackward(specOf(gx.shape, attrs)), [g, positions, gx]),
});

export const maxPoolGradient: Gradient<PoolAttrs> = ([g], [x], [, positions], attrs) => [
  g && maxGradient([g, positions], { ...attrs, source: { shape: x.shape, dtype: x.dtype } })[0],
];

const averageGradient = /* @__PURE__ */ defineOp<AverageAttrs & { readonly source: TensorInfo }>({
  name: "avgPoolBackward",
  outputs: (_, { source }) => [source],
  forward: (run, [g], [gx], attrs) => {
    const spec = { ...specOf(gx.shape, attrs), countPadding: attrs.countPadding };
    run.kernel(averagePoolBackward(spec), [g, gx]);
  },
});

export const avgPoolGradient: Gradient<AverageAttrs> = ([g], [x], _, attrs) => [
  g && averageGradient([g], { ...attrs, source: { shape: x.shape, dtype: x.dtype } })[0],
];
