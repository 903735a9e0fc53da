import "./ops/batchnorm-training.js";
import "./ops/binary-gradient.js";
import "./ops/concat-gradient.js";
import "./ops/pool-gradient.js";
import "./ops/resize-gradient.js";

export * from "./inference.js";
export { conv2dTraits } from "./ops/conv2d.js";
export { type ConvTranspose2dParams, convTranspose2d } from "./ops/conv2d-gradient.js";
