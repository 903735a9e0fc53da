/** Drawing of triangles and its gradients as kernels for processors. */
import {
  interpolateValuesGradient,
  interpolateVertices,
  interpolateWeightsGradient,
  rasterBounds,
  rasterize,
  rasterizeGradient,
} from "@retinaface-webgpu/kernels-wasm";
import { sizeOf } from "../../../core/shape.js";
import { interpolateSpec, type RasterAttrs, rasterSpec } from "../../../ops/raster/forward.js";
import { type NodeLowering, one, scratchOf } from "./kernels.js";

const drawn: NodeLowering = ({ inputs: [positions, triangles], outputs, attrs }) => {
  const [barycentrics, triangle, bounds] = outputs;
  const spec = rasterSpec(positions.info, triangles.info, attrs as RasterAttrs);
  const closeness = scratchOf(sizeOf(triangle.info.shape));
  const operands = { positions, triangles, bounds, closeness, barycentrics, triangle };
  return [...one(rasterBounds(spec), operands), ...one(rasterize(spec), operands)];
};

const corners: NodeLowering = ({ inputs, outputs: [output], attrs }) => {
  const [gradient, positions, triangles, triangle, bounds] = inputs;
  const spec = rasterSpec(positions.info, triangles.info, attrs as RasterAttrs);
  const operands = { gradient, positions, triangles, triangle, bounds, output };
  return one(rasterizeGradient(spec), operands);
};

const interpolated: NodeLowering = ({ inputs, outputs: [output] }) => {
  const [values, triangles, barycentrics, triangle] = inputs;
  const spec = interpolateSpec(values.info, triangles.info, triangle.info);
  const operands = { values, triangles, barycentrics, triangle, output };
  return one(interpolateVertices(spec), operands);
};

const weights: NodeLowering = ({ inputs, outputs: [output] }) => {
  const [gradient, values, triangles, triangle] = inputs;
  const spec = interpolateSpec(values.info, triangles.info, triangle.info);
  return one(interpolateWeightsGradient(spec), { gradient, values, triangles, triangle, output });
};

const cornerValues: NodeLowering = ({ inputs, outputs: [output] }) => {
  const [gradient, values, triangles, barycentrics, triangle, bounds] = inputs;
  const spec = interpolateSpec(values.info, triangles.info, triangle.info);
  const operands = { gradient, barycentrics, triangle, bounds, output };
  return one(interpolateValuesGradient(spec), operands);
};

/** By the operations' names. */
export const RASTER: Readonly<Record<string, NodeLowering>> = {
  rasterize: drawn,
  rasterizeBackward: corners,
  interpolateVertices: interpolated,
  interpolateWeightsBackward: weights,
  interpolateValuesBackward: cornerValues,
};
