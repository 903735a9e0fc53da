export { rasterizeBackward } from "./gradient.js";
export {
  type InterpolateSpec,
  interpolateValuesBackward,
  interpolateVertices,
  interpolateWeightsBackward,
} from "./interpolate.js";
export { rasterBounds, rasterize } from "./rasterize.js";
export type { RasterSpec } from "./spec.js";
