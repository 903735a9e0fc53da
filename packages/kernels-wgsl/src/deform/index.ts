export { type DeformInputGradient, deformInputGradient } from "./input-gradient.js";
export { deformOffsetGradient } from "./offset-gradient.js";
export { deformSample } from "./sample.js";
export type { DeformSpec } from "./spec.js";
