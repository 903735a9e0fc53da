/** Gradients of pooling, apart from it so that a program that only runs networks does not carry their kernels. */
import { averagePoolBackward, maxPoolBackward } from "@retinaface-webgpu/kernels-wgsl";
import type { TensorInfo } from "../core/tensor.js";
import { defineOp } from "./op.js";
import { type AverageAttrs, averageOp, maxOp, type PoolAttrs, specOf } from "./pool.js";

const maxGradient = /* @__PURE__ */ defineOp<PoolAttrs & { readonly source: TensorInfo }>({
  name: "maxPoolBackward",
  outputs: (_, { source }) => [source],
  forward: (run, [g, positions], [gx], attrs) =>
    run.kernel(maxPoolBackward(specOf(gx.shape, attrs)), [g, positions, gx]),
});

maxOp.spec.backward = ([g], [x], [, positions], attrs) => [
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

averageOp.spec.backward = ([g], [x], _, attrs) => [
  g && averageGradient([g], { ...attrs, source: { shape: x.shape, dtype: x.dtype } })[0],
];
