export * from "./inference.js";
export { type ConvTranspose2dParams, convTranspose2d } from "./ops/conv2d-gradient.js";
