export * from "./batchnorm.js";
export * from "./binary.js";
export {
  type Conv2dParams,
  type ConvTranspose2dParams,
  conv2d,
  convTranspose2d,
} from "./conv2d.js";
export * from "./gather.js";
export * from "./losses.js";
export * from "./matmul.js";
export * from "./movement.js";
export * from "./pad.js";
export * from "./pool.js";
export * from "./reduce.js";
export * from "./resize.js";
export * from "./select.js";
export * from "./softmax.js";
export * from "./unary.js";
