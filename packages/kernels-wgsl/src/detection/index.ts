export * from "../training/mining.js";
export * from "./candidate-sort.js";
export * from "./candidates.js";
export * from "./frame-pixels.js";
export * from "./greedy-nms.js";
export * from "./image-input.js";
export * from "./record.js";
export { TAP_FLOATS, tapRadius, writeTaps } from "./taps.js";
