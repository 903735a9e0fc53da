export * from "./batchnorm.js";
export * from "./binary.js";
export { type Conv2dParams, conv2d } from "./conv2d.js";
export * from "./movement.js";
export * from "./reduce.js";
export * from "./resize.js";
export * from "./softmax.js";
export * from "./unary.js";
