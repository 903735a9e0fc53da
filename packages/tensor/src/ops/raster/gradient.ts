import {
  interpolateValuesBackward,
  interpolateWeightsBackward,
  rasterizeBackward,
} from "@retinaface-webgpu/kernels-wgsl";
import type { Tensor } from "../../core/tensor.js";
import { scatterAdd } from "../gather/forward.js";
import { reshape } from "../movement/forward.js";
import { defineOp } from "../op.js";
import type { Gradient } from "../spec.js";
import { interpolateSpec, type RasterAttrs, rasterSpec } from "./forward.js";

/** Gradients of the triangles' corners. Inputs: g, positions, triangles, triangle, bounds. */
const cornersOp = /* @__PURE__ */ defineOp<RasterAttrs>({
  name: "rasterizeBackward",
  outputs: ([, positions, triangles]) => [
    { shape: [positions.shape[0], triangles.shape[0], 3, 3], dtype: "f32" },
  ],
  forward: (run, [g, positions, triangles, triangle, bounds], [corners], attrs) => {
    const kernel = rasterizeBackward(rasterSpec(positions, triangles, attrs));
    run.kernel(kernel, [positions, triangles, bounds, triangle, g, corners]);
  },
});

/** Towards the barycentrics. Inputs: g, values, triangles, triangle. */
const weightsOp = /* @__PURE__ */ defineOp<null>({
  name: "interpolateWeightsBackward",
  outputs: ([, , , triangle]) => [{ shape: [...triangle.shape, 3], dtype: "f32" }],
  forward: (run, [g, values, triangles, triangle], [gradient]) => {
    const kernel = interpolateWeightsBackward(interpolateSpec(values, triangles, triangle));
    run.kernel(kernel, [values, triangles, triangle, g, gradient]);
  },
});

/** Towards the values of the triangles' corners. Inputs: g, values, triangles, barycentrics, triangle, bounds. */
const valuesOp = /* @__PURE__ */ defineOp<null>({
  name: "interpolateValuesBackward",
  outputs: ([, values, triangles]) => [
    { shape: [values.shape[0], triangles.shape[0], 3, values.shape[2]], dtype: "f32" },
  ],
  forward: (run, [g, values, triangles, barycentrics, triangle, bounds], [corners]) => {
    const kernel = interpolateValuesBackward(interpolateSpec(values, triangles, triangle));
    run.kernel(kernel, [bounds, barycentrics, triangle, g, corners]);
  },
});

/** What the corners that are one vertex say together. */
function ofVertices(corners: Tensor, triangles: Tensor, vertices: number): Tensor {
  const [batch, count, , channels] = corners.shape;
  const rows = reshape(corners, [batch, count * 3, channels]);
  return scatterAdd(rows, reshape(triangles, [count * 3]), vertices, 1);
}

/** Of `rasterizeOp`. */
export const rasterizeGradient: Gradient<RasterAttrs> = (
  [g],
  [positions, triangles],
  [, triangle, bounds],
  attrs,
) => {
  if (!g) return [];
  const [corners] = cornersOp([g, positions, triangles, triangle, bounds], attrs);
  return [ofVertices(corners, triangles, positions.shape[1])];
};

/** Of `interpolateOp`. */
export const interpolateGradient: Gradient<null> = (
  [g],
  [values, triangles, barycentrics, triangle, bounds],
  _,
  __,
  needs,
) => {
  if (!g) return [];
  const corners = needs[0]
    ? valuesOp([g, values, triangles, barycentrics, triangle, bounds], null)[0]
    : undefined;
  return [
    corners && ofVertices(corners, triangles, values.shape[1]),
    undefined,
    needs[2] ? weightsOp([g, values, triangles, triangle], null)[0] : undefined,
  ];
};
